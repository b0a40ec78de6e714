// Package demo is the page that a development server shows: demo users who
// chat in demo trips, side by side in one window or each on a page of their own.
//
// It owns the embedded files under static and two small answers that the page
// asks for: who and what there is (/demo/config.json), and a fresh access token
// for a demo user (/demo/token?user=ID). Everything else the page does, it does
// over the same WebSocket and REST interfaces as any other client;
// static/caravan-client.js is written to be read by authors of clients.
//
// The page hands a token to whoever asks. It is for development only.
package demo
