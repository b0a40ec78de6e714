package app

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"github.com/caravan-chat/caravan/cmd/caravan/demo"
	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/protocol"
)

// demoTokenTTL is how long a token of the demo page is valid.
const demoTokenTTL = time.Hour

// demoSeeds are the users and trips of --dev. Everybody is on every trip.
func demoSeeds() *persist.Seeds {
	s := &persist.Seeds{
		Users: []protocol.User{
			{Email: "amina@example.com", Username: "amina", FirstName: "Amina", LastName: "Diallo"},
			{Email: "jonas@example.com", Username: "jonas", FirstName: "Jonas", LastName: "Berg"},
			{Email: "mei@example.com", Username: "mei", FirstName: "Mei", LastName: "Tanaka"},
		},
		Trips: []persist.Trip{{Title: "Lisbon to Marrakesh"}, {Title: "Across the Alps by train"}},
	}
	for i := range s.Users {
		s.Users[i].ID = demoID("user", i)
	}
	for j := range s.Trips {
		s.Trips[j].ID = demoID("trip", j)
		for i := range s.Users {
			role := "member"
			if i == 0 {
				role = "owner" // who may do everything
			}
			s.Collaborators = append(s.Collaborators, persist.Collaborator{Trip: s.Trips[j].ID, User: s.Users[i].ID, Role: role})
		}
	}
	return s
}

// demoID is the same at each start, so that a database that was kept goes on.
func demoID(kind string, i int) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("caravan:demo:"+kind+":"+strconv.Itoa(i)))
}

// openDemo writes the demo data and returns what serves the demo page; nil
// without --dev.
func (a *App) openDemo(ctx context.Context) (func(*fasthttp.RequestCtx) bool, error) {
	if !a.cfg.Dev {
		return nil, nil
	}
	seeds := demoSeeds()
	if err := Seed(ctx, a.store, seeds); err != nil {
		return nil, fmt.Errorf("demo data: %w", err)
	}
	cfg := demo.Config{
		Token:  func(user uuid.UUID) (string, error) { return a.demo.config.Sign(user, demoTokenTTL) },
		Photos: a.files.elsewhere(ctx), Log: a.log,
	}
	for i := range seeds.Users {
		u := &seeds.Users[i]
		cfg.Users = append(cfg.Users, demo.User{ID: u.ID, Email: u.Email, Name: u.FullName()})
	}
	for i := range seeds.Trips {
		cfg.Trips = append(cfg.Trips, demo.Trip{ID: seeds.Trips[i].ID, Title: seeds.Trips[i].Title})
	}
	return demo.New(cfg).Serve, nil
}
