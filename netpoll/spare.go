package netpoll

import (
	"net"
	"net/netip"
	"reflect"
	"unsafe"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

// spare is where one of gnet's connections keeps what an open WebSocket has no use for: the
// client's address, twice, which the kernel knows as well, and a function of which only
// another build of gnet makes use. It is more than a tenth of what an idle client costs.
type spare struct {
	sockaddr, address, callback uintptr // offsets in the connection
	known                       bool    // false: gnet is built otherwise, and keeps it
}

// spareOf finds it. gnet has no other way to give it up, as it has none for descriptorsOf.
func spareOf(raw gnet.Conn) (s spare) {
	pointer := reflect.TypeOf(raw)
	if pointer.Kind() != reflect.Pointer || pointer.Elem().Kind() != reflect.Struct {
		return s
	}
	conn := pointer.Elem()
	sockaddr, ok1 := conn.FieldByName("remote")
	address, ok2 := conn.FieldByName("remoteAddr")
	attachment, ok3 := conn.FieldByName("pollAttachment")
	if !ok1 || !ok2 || !ok3 || sockaddr.Type != reflect.TypeFor[unix.Sockaddr]() || address.Type != reflect.TypeFor[net.Addr]() ||
		attachment.Type.Kind() != reflect.Struct {
		return s
	}
	callback, ok := attachment.Type.FieldByName("Callback")
	if !ok || callback.Type.Kind() != reflect.Func {
		return s
	}
	return spare{sockaddr.Offset, address.Offset, attachment.Offset + callback.Offset, true}
}

// giveUp forgets it of a connection. One of an address with a zone keeps it: the kernel
// says only the zone's number.
func (s *spare) giveUp(raw gnet.Conn) {
	tcp, ok := raw.RemoteAddr().(*net.TCPAddr)
	if !s.known || !ok || tcp.Zone != "" {
		return
	}
	conn := reflect.ValueOf(raw).UnsafePointer()
	*(*unix.Sockaddr)(unsafe.Add(conn, s.sockaddr)) = nil
	*(*net.Addr)(unsafe.Add(conn, s.address)) = nil
	*(*unsafe.Pointer)(unsafe.Add(conn, s.callback)) = nil
}

// peerOf asks the kernel for the other end of a socket; zero: it is gone.
func peerOf(fd int) netip.AddrPort {
	name, err := unix.Getpeername(fd)
	if err != nil {
		return netip.AddrPort{}
	}
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}
