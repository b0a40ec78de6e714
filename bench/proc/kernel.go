package proc

import (
	"os"
	"slices"
	"strconv"
	"strings"
)

// Kernel is what the kernel holds for sockets, on the whole machine.
type Kernel struct {
	Sockets     int64 // TCP sockets that are in use
	BufferBytes int64 // of TCP: what waits to be sent or read
	SlabBytes   int64 // of the structures of sockets, files and epoll; all structures where the kernel does not tell them apart
	Told        bool  // by kind: SlabBytes is of sockets alone
}

// Bytes is all of it.
func (k Kernel) Bytes() int64 { return k.BufferBytes + k.SlabBytes }

// KernelMemory reads it. What cannot be read is zero. Kinds can be told apart by root alone.
func KernelMemory() Kernel {
	var k Kernel
	if b, err := os.ReadFile("/proc/net/sockstat"); err == nil {
		k.Sockets, k.BufferBytes = parseSockstat(string(b))
	}
	if b, err := os.ReadFile("/proc/slabinfo"); err == nil {
		k.SlabBytes, k.Told = parseSlabs(string(b)), true
	} else if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		k.SlabBytes = parseSlabTotal(string(b))
	}
	return k
}

func parseSockstat(text string) (sockets, bufferBytes int64) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != "TCP:" {
			continue
		}
		for i := 1; i+1 < len(fields); i += 2 {
			n, err := strconv.ParseInt(fields[i+1], 10, 64)
			switch {
			case err != nil:
			case fields[i] == "inuse":
				sockets = n
			case fields[i] == "mem":
				bufferBytes = n * int64(os.Getpagesize())
			}
		}
	}
	return sockets, bufferBytes
}

// socketSlabs are the kernel's names of what a TCP connection needs.
var socketSlabs = []string{
	"TCP", "TCPv6", "sock_inode_cache", "filp", "dentry", "eventpoll_epi", "eventpoll_pwq", "request_sock_TCP", "tw_sock_TCP",
	"tcp_bind_bucket", "tcp_bind2_bucket", "skbuff_head_cache", "skbuff_fclone_cache", "skbuff_small_head", "kmalloc-64", "lsm_file_cache",
}

// parseSlabs sums the pages of socketSlabs: slabs times pages of each.
func parseSlabs(text string) (bytes int64) {
	const pagesPerSlab, slabs, counted = 5, 14, 16
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < counted || !slices.Contains(socketSlabs, fields[0]) {
			continue
		}
		pages, err1 := strconv.ParseInt(fields[pagesPerSlab], 10, 64)
		n, err2 := strconv.ParseInt(fields[slabs], 10, 64)
		if err1 == nil && err2 == nil {
			bytes += pages * n * int64(os.Getpagesize())
		}
	}
	return bytes
}

func parseSlabTotal(text string) int64 {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "Slab:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64) // zero: not read
			return n << 10
		}
	}
	return 0
}
