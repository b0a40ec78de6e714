package spec_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/caravan-chat/caravan/protocol/spec"
)

func TestReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	want, err := spec.Reference()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../docs/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/reference.md is not what the specifications say: run `make reference`")
	}
}
