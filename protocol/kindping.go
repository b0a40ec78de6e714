package protocol

// Pong is the frame that answers a client's ping frame. Nobody may change it.
var Pong = []byte(`{"type":"pong"}`)
