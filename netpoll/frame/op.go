package frame

// Op is a frame's opcode (RFC 6455 section 5.2).
type Op uint8

// The opcodes that exist; every other one is reserved and ends the connection.
const (
	OpContinuation Op = 0x0
	OpText         Op = 0x1
	OpBinary       Op = 0x2
	OpClose        Op = 0x8
	OpPing         Op = 0x9
	OpPong         Op = 0xA
)

// control tells whether the opcode is that of a control frame, known or reserved.
func (op Op) control() bool { return op&0x8 != 0 }

// known tells whether the opcode is defined.
func (op Op) known() bool { return op <= OpBinary || op >= OpClose && op <= OpPong }

// ControlPayloadMax is the greatest number of bytes in a control frame's payload
// (section 5.5).
const ControlPayloadMax = 125
