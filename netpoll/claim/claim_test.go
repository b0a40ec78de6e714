package claim

import (
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReserveChoosesAPortAndKeepsItFromOthers(t *testing.T) {
	a, err := Reserve("127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	if a.AddrPort().Port() == 0 || a.URL() != "tcp://"+a.AddrPort().String() {
		t.Errorf("%v, %s", a.AddrPort(), a.URL())
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := Reserve(other.Addr().String(), false); !errors.Is(err, unix.EADDRINUSE) {
		t.Errorf("where another program listens: %v", err)
	}
	a.Release()
	a.Release() // harms nobody
	again, err := Reserve(a.AddrPort().String(), false)
	if err != nil {
		t.Fatal(err)
	}
	again.Release()
}

func TestFilesLeaveRoomForTheRestOfTheProcess(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &limit) })
	most, err := Files(0)
	if err != nil {
		t.Fatal(err)
	}
	if few, err := Files(10); err != nil || few.ConnectionsMax != 10 || few.FDMax != most.FDMax {
		t.Errorf("%+v, %v", few, err)
	}
	if over, err := Files(most.ConnectionsMax + 1); err != nil || over != most {
		t.Errorf("%+v, %v; the limit allows %+v", over, err, most)
	}
	if room := int(most.FDMax) - most.ConnectionsMax; room < RefusedLingerMax {
		t.Errorf("%d descriptors are left for refusals and the rest of the process", room)
	}
}
