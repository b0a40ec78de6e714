package migrations

import (
	"log/slog"
	"time"
)

// goesOnEvery is how often a line says that the schema is still being migrated.
const goesOnEvery = 30 * time.Second

// tellProgress says that the schema is migrated now, and again and again that it still is, until
// end is called.
func tellProgress(log *slog.Logger, from, to int64) (end func()) {
	begun := time.Now()
	log.Info("the schema is to be migrated: with large tables this takes minutes (docs/upgrading.md)", "from", from, "to", to)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		every := time.NewTicker(goesOnEvery)
		defer every.Stop()
		for {
			select {
			case <-every.C:
				log.Info("the schema is still being migrated", "from", from, "to", to, "since", time.Since(begun).Round(time.Second))
			case <-stop:
				return
			}
		}
	}()
	return func() {
		close(stop)
		<-ended
	}
}
