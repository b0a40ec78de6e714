package netpoll

import (
	"reflect"

	"github.com/panjf2000/gnet/v2"
)

// epollOf returns the descriptor with which one of gnet's event loops waits for its
// sockets. gnet does not give it out, and has no other way to leave a socket unread;
// so it is read where it lies. Only a gnet that is built otherwise has none there.
func epollOf(engine gnet.EventLoop) (fd int, ok bool) {
	loop := reflect.Indirect(reflect.ValueOf(engine))
	if loop.Kind() != reflect.Struct {
		return 0, false
	}
	poller := reflect.Indirect(loop.FieldByName("poller"))
	// With efd the poller is the one that knows a socket by its descriptor.
	if poller.Kind() != reflect.Struct || !poller.FieldByName("efd").IsValid() {
		return 0, false
	}
	epoll := poller.FieldByName("fd")
	if epoll.Kind() != reflect.Int {
		return 0, false
	}
	return int(epoll.Int()), true
}
