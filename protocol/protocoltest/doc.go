// Package protocoltest is what tests of servers, clients and middleware call over when the wire is not what they test:
// a small wire of its own ([FrameServer] and [FrameClient]), a message type with a codec ([Msg], [Codec]), and a
// service with a method of each kind ([Echo]). None of it needs HTTP, protobuf or generated code.
package protocoltest
