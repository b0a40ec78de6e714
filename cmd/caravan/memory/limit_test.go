package memory

import (
	"testing"
	"testing/fstest"
)

func TestTheLimitFollowsTheControlGroups(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	for _, c := range []struct {
		name  string
		files fstest.MapFS
		want  int64
	}{
		{"none", fstest.MapFS{}, 0},
		{"version 2, in a container", fstest.MapFS{
			"proc/self/cgroup":         file("0::/\n"),
			"sys/fs/cgroup/memory.max": file("536870912\n"),
		}, 512 << 20},
		{"version 2, no limit", fstest.MapFS{
			"proc/self/cgroup":         file("0::/\n"),
			"sys/fs/cgroup/memory.max": file("max\n"),
		}, 0},
		{"version 2, a service whose slice has less", fstest.MapFS{
			"proc/self/cgroup": file("0::/system.slice/caravan.service\n"),
			"sys/fs/cgroup/system.slice/caravan.service/memory.max":      file("2147483648\n"),
			"sys/fs/cgroup/system.slice/memory.max":                      file("1073741824\n"),
			"sys/fs/cgroup/other.slice/memory.max":                       file("1\n"),
			"sys/fs/cgroup/system.slice/caravan.service/memory.high":     file("1\n"),
			"sys/fs/cgroup/memory/system.slice/caravan.service/whatever": file("1\n"),
		}, 1 << 30},
		{"version 1", fstest.MapFS{
			"proc/self/cgroup": file("5:cpu,cpuacct:/x\n4:memory:/docker/abc\n0::/\n"),
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": file("268435456\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":            file("9223372036854771712\n"),
		}, 256 << 20},
		{"version 1, the host's path is not there", fstest.MapFS{
			"proc/self/cgroup":                           file("4:hugetlb,memory:/docker/abc\n"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes": file("268435456\n"),
		}, 256 << 20},
		{"what cannot be read", fstest.MapFS{
			"proc/self/cgroup":         file("nonsense\n0::/\n"),
			"sys/fs/cgroup/memory.max": file("a lot\n"),
		}, 0},
	} {
		if got, ok := cgroupBytes(c.files); ok != (c.want > 0) || ok && got != c.want {
			t.Errorf("%s: %d, %v; want %d", c.name, got, ok, c.want)
		}
	}
}

func TestThisProcessHasALimit(t *testing.T) {
	if l := Adopt(); l.Bytes < 1<<20 || l.From == "" {
		t.Errorf("%+v", l)
	}
}
