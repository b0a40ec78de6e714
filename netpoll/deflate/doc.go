// Package deflate is permessage-deflate (RFC 7692) as a server that keeps no
// window between messages: what to answer to a client's offers, and one message
// deflated or inflated at a time.
//
// Both directions are agreed without context takeover, always. So one deflated
// copy of a message serves every connection that agreed to the extension, and an
// idle connection holds no window. Inflation is bounded in bytes by the caller.
//
// All functions are safe for concurrent use.
package deflate
