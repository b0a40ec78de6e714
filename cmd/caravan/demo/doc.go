// Package demo is the page that a development server shows: demo users who
// chat in demo trips, side by side in one window or each on a page of their own.
//
// It owns the embedded files under static and two small answers that the page
// asks for: who and what there is (/demo/config.json), and a fresh access token
// for a demo user (/demo/token?user=ID). Everything else the page does, it does
// over the JavaScript client (protocol/client), which is served below
// /demo/client/, as any other page would.
//
// The page hands a token to whoever asks. It is for development only.
package demo
