package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// TestAFileThatIsTakenForALeftoverIsNotOurs: it is being removed, or has been.
func TestAFileThatIsTakenForALeftoverIsNotOurs(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, err := s.create()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	again, err := s.root.OpenFile(f.name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	other := &incoming{File: again, root: s.root, name: f.name}
	if ours, err := other.claim(); ours || err != nil {
		t.Errorf("somebody else has locked it: %v, %v", ours, err)
	}
	if err := f.abandon(); err != nil {
		t.Fatal(err)
	}
	if ours, err := other.claim(); ours || err != nil {
		t.Errorf("it is gone: %v, %v", ours, err)
	}
}

func TestALeftoverThatStaysKeepsNoOther(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"A", "C"} {
		if err := os.WriteFile(filepath.Join(dir, incomingDir, name), nil, fileMode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, incomingDir, "B"), dirMode); err != nil {
		t.Fatal(err)
	}
	err = s.RemoveLeftovers()
	if names, _ := s.names(incomingDir); err == nil || len(names) != 1 || names[0] != "B" {
		t.Errorf("%q stay, %v", names, err)
	}
}
