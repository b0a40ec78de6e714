package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/persist/sqlite"
)

// checkDevDatabase refuses --dev on a database of an application or of real users,
// before anything is changed in it: anybody could be each of them. Where the demo's
// users are there, a former start made it. A fleet's are nobody's.
func (a *App) checkDevDatabase(ctx context.Context) error {
	path, ok := strings.CutPrefix(a.cfg.Database, sqlitePrefix)
	if !a.cfg.Dev || !ok {
		return nil
	}
	own, others := false, false
	demo := demoID("user", 0).String()
	made, err := sqlite.Users(ctx, path, func(id, email string) bool {
		own = id == demo
		others = others || !isFleetUser(id, email)
		return !own
	})
	switch {
	case err != nil:
		return err
	case !made, others && !own:
		return &config.Error{Flag: "dev", Text: "excludes --database " + a.cfg.Database +
			": it has an application's tables or users, and anybody could be each of them. Give it a sqlite: file of its own"}
	}
	return nil
}

// isFleetUser says whether `caravan seed` made the user.
func isFleetUser(id, email string) bool {
	var i int
	_, err := fmt.Sscanf(email, "user%d@example.com", &i)
	return err == nil && id == persist.FleetUser(i).String()
}
