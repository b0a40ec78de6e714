package netpoll

import (
	"reflect"
	"unsafe"

	"github.com/panjf2000/gnet/v2"
)

// descriptors are what one of gnet's event loops waits with, and for.
type descriptors struct {
	epoll    int
	listener int
	tasks    *int32 // not zero while gnet has tasks for the loop; nil: it is not known
}

// descriptorsOf returns those of an event loop. gnet does not give them out, and has no
// other way to leave a socket unread or a listener alone; so they are read where they lie.
// Only a gnet that is built otherwise has none there.
func descriptorsOf(engine gnet.EventLoop) (d descriptors, ok bool) {
	loop := reflect.Indirect(reflect.ValueOf(engine))
	if loop.Kind() != reflect.Struct {
		return d, false
	}
	poller := reflect.Indirect(loop.FieldByName("poller"))
	// With efd the poller is the one that knows a socket by its descriptor.
	if poller.Kind() != reflect.Struct || !poller.FieldByName("efd").IsValid() {
		return d, false
	}
	epoll, listeners := poller.FieldByName("fd"), loop.FieldByName("listeners")
	if epoll.Kind() != reflect.Int || listeners.Kind() != reflect.Map || listeners.Len() != 1 {
		return d, false
	}
	listener := listeners.MapKeys()[0]
	if listener.Kind() != reflect.Int {
		return d, false
	}
	d = descriptors{epoll: int(epoll.Int()), listener: int(listener.Int())}
	if tasks := poller.FieldByName("wakeupCall"); tasks.IsValid() && tasks.Kind() == reflect.Int32 && tasks.CanAddr() {
		d.tasks = (*int32)(unsafe.Pointer(tasks.UnsafeAddr()))
	}
	return d, true
}
