package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
)

const (
	adminTimeout      = 10 * time.Second // of an answer of the admin port
	adminAnswerMax    = 8 << 20          // bytes
	profileAnswerMax  = 1 << 30
	profileSecondsDef = 10
)

// askAdmin asks the admin port of the server for something, and returns what it answers. An
// answer that is none of the good ones is an error that says why.
func askAdmin(ctx context.Context, j *job, method, path string, query url.Values) (io.ReadCloser, error) {
	target := j.cfg.AdminURL()
	if target == "" {
		return nil, errors.New("the admin port is off (--admin-listen): give its URL with --admin")
	}
	req, err := http.NewRequestWithContext(ctx, method, target+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		wrong := (*url.Error)(nil)
		if errors.As(err, &wrong) {
			err = wrong.Err
		}
		return nil, fmt.Errorf("the admin port at %s does not answer: %w", target, err)
	}
	if res.StatusCode >= http.StatusOK && res.StatusCode < http.StatusMultipleChoices {
		return res.Body, nil
	}
	defer res.Body.Close()
	var said struct {
		Detail  string
		Reasons []string
	}
	text, _ := io.ReadAll(io.LimitReader(res.Body, adminAnswerMax)) // what has come is told
	_ = json.Unmarshal(text, &said)                                 // what is no JSON says nothing
	switch {
	case len(said.Reasons) > 0:
		return nil, errors.New(strings.Join(said.Reasons, ", "))
	case said.Detail != "":
		return nil, errors.New(said.Detail)
	}
	return nil, fmt.Errorf("the admin port at %s says %s", target, res.Status)
}

// askForJSON is askAdmin for an answer in JSON.
func askForJSON(ctx context.Context, j *job, method, path string, query url.Values, into any) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	body, err := askAdmin(ctx, j, method, path, query)
	if err != nil {
		return err
	}
	defer body.Close()
	return json.NewDecoder(io.LimitReader(body, adminAnswerMax)).Decode(into)
}

// health says whether the server is ready, or alive; otherwise it is an error why not.
func health(ctx context.Context, j *job) error {
	path, word := "/readyz", "ready"
	if j.cfg.Live {
		path, word = "/healthz", "alive"
	}
	var is map[string]any
	if err := askForJSON(ctx, j, http.MethodGet, path, nil, &is); err != nil {
		return fmt.Errorf("not %s: %w", word, err)
	}
	_, err := fmt.Fprintln(j.stdout, word)
	return err
}

// which is the query that says which clients are meant.
func which(j *job) url.Values {
	query := url.Values{}
	for name, id := range map[string]uuid.UUID{"user": j.cfg.User, "room": j.cfg.Room} {
		if id != uuid.Nil {
			query.Set(name, id.String())
		}
	}
	if j.cfg.Address.IsValid() {
		query.Set("address", j.cfg.Address.String())
	}
	return query
}

// listConnections lists the clients that are meant, or all.
func listConnections(ctx context.Context, j *job) error {
	var answer struct {
		Connections []struct {
			User          uuid.UUID `json:"user"`
			Trip          string    `json:"trip,omitempty"`
			Address       string    `json:"address"`
			Version       int       `json:"version"`
			Rooms         int       `json:"rooms"`
			SilentSeconds float64   `json:"silent_seconds"`
			WaitingBytes  int       `json:"waiting_bytes"`
			Joining       bool      `json:"joining"`
		} `json:"connections"`
		All int `json:"all"`
	}
	if err := askForJSON(ctx, j, http.MethodGet, "/connections", which(j), &answer); err != nil {
		return err
	}
	if j.cfg.JSON {
		encoder := json.NewEncoder(j.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(answer)
	}
	table := tabwriter.NewWriter(j.stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "USER\tADDRESS\tTRIP\tSILENT\tWAITING\tVERSION")
	for _, c := range answer.Connections {
		place := c.Trip
		if place == "" {
			place = strconv.Itoa(c.Rooms) + " rooms"
		}
		silent := time.Duration(c.SilentSeconds * float64(time.Second)).Round(time.Second)
		fmt.Fprintf(table, "%s\t%s\t%s\t%v\t%d\t%d\n", c.User, c.Address, place, silent, c.WaitingBytes, c.Version)
	}
	if n := len(answer.Connections); n < answer.All {
		fmt.Fprintf(table, "%d of %d\n", n, answer.All)
	}
	return table.Flush()
}

// kick has the server close the clients that are meant.
func kick(ctx context.Context, j *job) error {
	query := which(j)
	query.Set("code", strconv.Itoa(j.cfg.Code))
	query.Set("reason", j.cfg.Reason)
	var answer struct{ Kicked int }
	if err := askForJSON(ctx, j, http.MethodPost, "/connections/kick", query, &answer); err != nil {
		return err
	}
	_, err := fmt.Fprintf(j.stdout, "%d connections closed\n", answer.Kicked)
	return err
}

// drainNode has the server stop as on SIGTERM.
func drainNode(ctx context.Context, j *job) error {
	var is map[string]any
	if err := askForJSON(ctx, j, http.MethodPost, "/drain", nil, &is); err != nil {
		return err
	}
	_, err := fmt.Fprintln(j.stdout, "the server drains and ends")
	return err
}

// logLevel tells the level of the server's log, and sets it first where one is given.
func logLevel(ctx context.Context, j *job) error {
	method, query := http.MethodGet, url.Values{}
	if j.cfg.Level != "" {
		method = http.MethodPost
		query.Set("level", j.cfg.Level)
	}
	var answer struct{ Level string }
	if err := askForJSON(ctx, j, method, "/log-level", query, &answer); err != nil {
		return err
	}
	_, err := fmt.Fprintln(j.stdout, answer.Level)
	return err
}

// profile has the server take a profile, and stores it in a file.
func profile(ctx context.Context, j *job) (err error) {
	kind, query := j.cfg.Kind, url.Values{}
	seconds := j.cfg.Seconds
	timed := kind == "cpu" || kind == "trace"
	if timed && seconds == 0 {
		seconds = profileSecondsDef
	}
	if seconds > 0 {
		query.Set("seconds", strconv.Itoa(seconds))
	}
	path := "/debug/pprof/" + kind
	if kind == "cpu" {
		path = "/debug/pprof/profile"
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout+time.Duration(seconds)*time.Second)
	defer cancel()
	body, err := askAdmin(ctx, j, http.MethodGet, path, query)
	if err != nil {
		return err
	}
	defer body.Close()
	name := j.cfg.Out
	if name == "" {
		name = "caravan-" + kind + ".pprof"
	}
	file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, io.LimitReader(body, profileAnswerMax)); err != nil {
		return errors.Join(err, file.Close())
	}
	if err := file.Close(); err != nil {
		return err
	}
	look := "go tool pprof -http 127.0.0.1: " + name
	if kind == "trace" {
		look = "go tool trace " + name
	}
	_, err = fmt.Fprintf(j.stdout, "%s: look at it with `%s`\n", name, look)
	return err
}
