package child

import "testing"

// EndWith closes the server at the end of a test, and shows its log where that failed.
func (s *Server) EndWith(t testing.TB) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("end of the log of %s:\n%s", s.cfg.Name, s.LogTail())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
