package claim

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// Address is a socket that is bound to the server's address but does not
// listen. It finds out whether somebody else listens there, which SO_REUSEPORT
// would hide, chooses the port where none is given, and keeps it until every
// loop's listener is bound.
type Address struct {
	fd     int
	addr   netip.AddrPort
	dual   bool // the unspecified address of both families
	shared bool // another process may listen there, too
}

// Reserve resolves the address and binds it. Whoever gets an Address releases it. shared
// allows another process of the same user to listen there, where it does so, too.
func Reserve(address string, shared bool) (*Address, error) {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("address: %w", err)
	}
	want := tcp.AddrPort()
	if tcp.IP != nil {
		ap := netip.AddrPortFrom(want.Addr().Unmap(), want.Port())
		return bind(ap, false, shared)
	}
	a, err := bind(netip.AddrPortFrom(netip.IPv6Unspecified(), want.Port()), true, shared)
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EADDRNOTAVAIL) {
		return bind(netip.AddrPortFrom(netip.IPv4Unspecified(), want.Port()), false, shared)
	}
	return a, err
}

func bind(ap netip.AddrPort, dual, shared bool) (*Address, error) {
	var family int
	var sa unix.Sockaddr
	if ap.Addr().Is4() {
		family, sa = unix.AF_INET, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}
	} else {
		family, sa = unix.AF_INET6, &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("listen on %v: %w", ap, os.NewSyscallError("socket", err))
	}
	a := &Address{fd: fd, dual: dual, shared: shared}
	if err := a.bind(family, sa); err != nil {
		a.Release()
		return nil, fmt.Errorf("listen on %v: %w", ap, err)
	}
	a.addr = netip.AddrPortFrom(ap.Addr(), a.port())
	return a, nil
}

func (a *Address) bind(family int, sa unix.Sockaddr) error {
	if family == unix.AF_INET6 && !a.dual {
		if err := unix.SetsockoptInt(a.fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	// With it, as the loops' listeners have it, too, a bound socket that does not
	// listen is in nobody's way; one that listens still is.
	if err := unix.SetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	if a.shared { // with those that listen, which have it, too
		if err := unix.SetsockoptInt(a.fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return os.NewSyscallError("bind", unix.Bind(a.fd, sa))
}

// port returns the port that the kernel has bound.
func (a *Address) port() uint16 {
	sa, err := unix.Getsockname(a.fd)
	if err != nil {
		return 0
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return uint16(sa.Port)
	case *unix.SockaddrInet6:
		return uint16(sa.Port)
	default:
		return 0
	}
}

// AddrPort returns the address, with the port that the kernel has chosen where none
// was given.
func (a *Address) AddrPort() netip.AddrPort { return a.addr }

// Shared tells whether another process may listen there, too.
func (a *Address) Shared() bool { return a.shared }

// URL returns the address in gnet's form.
func (a *Address) URL() string {
	if a.dual {
		return fmt.Sprintf("tcp://:%d", a.addr.Port()) // gnet's only way to say both families
	}
	return "tcp://" + a.addr.String()
}

// Release gives the address back. It may be called again.
func (a *Address) Release() {
	if a.fd >= 0 {
		_ = unix.Close(a.fd)
		a.fd = -1
	}
}
