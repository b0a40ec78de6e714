package config

import (
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/media"
	"github.com/caravan-chat/caravan/room/backplane"
)

// setting is one row of the table of flags. The order of the table is the order
// of the help.
type setting struct {
	group  string // the heading of the help that the row and those after it stand below; empty: the same
	name   string
	arg    string // what the value is called in the help; empty for a switch
	def    string // as it would be written; the empty text leaves the zero value
	about  string
	on     []Command
	secret bool // the value must never be shown
	live   bool // a running server takes another value on SIGHUP
	into   func(*Config) value
}

// concerns says whether the command takes the setting as a flag.
func (s *setting) concerns(cmd Command) bool {
	if cmd.serves() {
		cmd = Serve
	}
	return slices.Contains(s.on, cmd)
}

var (
	everywhere = slices.Concat([]Command{Serve, Migrate, Token, Seed, Status, Backup, AttachmentsCheck}, onPeople, onAdmin)
	onDatabase = append([]Command{Serve, Migrate, Seed, Backup, AttachmentsCheck}, onPeople...)
	onRedis    = []Command{Serve, Status}
	onTokens   = []Command{Serve, Token}
	onServe    = []Command{Serve}
	onToken    = []Command{Token}
	onSeed     = []Command{Seed}
	onMigrate  = []Command{Migrate}
	onUserAdd  = []Command{UserAdd}
	onTripAdd  = []Command{TripAdd}
	onMembers  = []Command{MemberAdd, MemberList, MemberRemove}
	onPeople   = []Command{UserAdd, UserList, UserRemove, TripAdd, TripList, TripRemove, MemberAdd, MemberList, MemberRemove}
	onLists    = []Command{Status, UserList, TripList, MemberList, Migrate, AdminConnections}
	onAdmin    = []Command{Health, AdminConnections, AdminKick, AdminDrain, AdminProfile, AdminLogLevel}
	onClients  = []Command{AdminConnections, AdminKick}
	onKick     = []Command{AdminKick}
	onProfile  = []Command{AdminProfile}
	onFiles    = []Command{Serve, AttachmentsCheck}
)

const configFlag = "config"

// settings is the one table of everything that can be set.
var settings = []setting{
	{group: "Of this command", name: "user", arg: "UUID", on: []Command{Token, MemberAdd, MemberRemove, AdminConnections, AdminKick},
		about: "whose token or connections, or who is the member",
		into:  func(c *Config) value { return id(&c.User) }},
	{name: "trip", arg: "UUID", on: onMembers,
		about: "of which trip",
		into:  func(c *Config) value { return id(&c.Trip) }},
	{name: "role", arg: "TEXT", def: "member", on: []Command{MemberAdd},
		about: "the member's role: see --roles of serve. A member who is there already gets it",
		into:  func(c *Config) value { return role(&c.Role) }},
	{name: "id", arg: "UUID", on: []Command{UserAdd, UserRemove, TripAdd, TripRemove},
		about: "of the user or the trip; where one is added, a new id unless it is given",
		into:  func(c *Config) value { return id(&c.ID) }},
	{name: "email", arg: "TEXT", on: onUserAdd,
		about: "the user's address, which no other user may have",
		into:  func(c *Config) value { return word(&c.Email) }},
	{name: "username", arg: "TEXT", on: onUserAdd,
		about: "the user's name; what stands before the @ of --email unless it is given",
		into:  func(c *Config) value { return word(&c.Username) }},
	{name: "first-name", arg: "TEXT", on: onUserAdd,
		about: "as others are shown it",
		into:  func(c *Config) value { return word(&c.FirstName) }},
	{name: "last-name", arg: "TEXT", on: onUserAdd,
		about: "as others are shown it",
		into:  func(c *Config) value { return word(&c.LastName) }},
	{name: "title", arg: "TEXT", on: onTripAdd,
		about: "the trip's title",
		into:  func(c *Config) value { return word(&c.Title) }},
	{name: "owner", arg: "UUID", on: onTripAdd,
		about: "a user who becomes a collaborator with the role owner",
		into:  func(c *Config) value { return id(&c.Owner) }},
	{name: "ttl", arg: "DURATION", def: "1h", on: onToken,
		about: "how long the token is valid",
		into:  func(c *Config) value { return duration(&c.TTL, time.Second, 10*365*24*time.Hour) }},
	{name: "moved", def: "false", on: onMigrate,
		about: "the database was moved or copied here from another cluster of PostgreSQL, by a dump, a logical replica or pg_upgrade; serve refuses it until this was said once",
		into:  func(c *Config) value { return truth(&c.Moved) }},
	{name: "check", def: "false", on: onMigrate,
		about: "only look, change nothing: a checklist of all that is in the way of Caravan in this database. Exit status 1 where something is",
		into:  func(c *Config) value { return truth(&c.Check) }},
	{name: "rights-triggers", arg: "make|drop", on: onMigrate,
		about: "only print the SQL that has the application's tables note whose rights may have changed, or that takes it away, for review and for psql: nodes then look at those members alone. For PostgreSQL",
		into:  func(c *Config) value { return choice(&c.RightsTriggers, "make", "drop") }},
	{name: "to", arg: "FILE", on: []Command{Backup},
		about: "the copy that is made. It must not be there; the name may stand without the flag",
		into:  func(c *Config) value { return text(&c.To) }},
	{name: "users", arg: "N", def: "0", on: onSeed,
		about: "how many users",
		into:  func(c *Config) value { return count(&c.Users, 0, 10_000_000) }},
	{name: "trips", arg: "M", def: "0", on: onSeed,
		about: "how many trips; user i becomes a collaborator of trip i mod M",
		into:  func(c *Config) value { return count(&c.Trips, 0, 10_000_000) }},
	{name: "json", def: "false", on: onLists,
		about: "for programs; of migrate: the checklist",
		into:  func(c *Config) value { return truth(&c.JSON) }},

	{name: "room", arg: "UUID", on: onClients,
		about: "connections in this room; its trip's id does as well",
		into:  func(c *Config) value { return id(&c.Room) }},
	{name: "address", arg: "IP", on: onClients,
		about: "connections of clients with this address",
		into:  func(c *Config) value { return ipAddress(&c.Address) }},
	{name: "code", arg: "N", def: "1012", on: onKick,
		about: "of the close: 1012 (come back), 1013 (come back later), 4001 (get another token) or 4003 (stay away)",
		into:  func(c *Config) value { return count(&c.Code, 1000, 4999) }},
	{name: "reason", arg: "TEXT", def: "closed by an operator", on: onKick,
		about: "as the client is told it, at most 123 bytes",
		into:  func(c *Config) value { return text(&c.Reason) }},
	{name: "kind", arg: "KIND", def: "cpu", on: onProfile,
		about: "cpu, heap, allocs, goroutine or trace",
		into:  func(c *Config) value { return choice(&c.Kind, "cpu", "heap", "allocs", "goroutine", "trace") }},
	{name: "seconds", arg: "N", def: "0", on: onProfile,
		about: "for how long, 60 at most; 0: 10 for cpu and trace, and as it is now for the others",
		into:  func(c *Config) value { return count(&c.Seconds, 0, 60) }},
	{name: "out", arg: "FILE", on: onProfile,
		about: "where the profile goes; caravan-KIND.pprof unless it is given",
		into:  func(c *Config) value { return text(&c.Out) }},
	{name: "level", arg: "LEVEL", on: []Command{AdminLogLevel},
		about: "debug, info, warn or error, until SIGHUP or the end; empty: only tell",
		into:  func(c *Config) value { return choice(&c.Level, "debug", "info", "warn", "error") }},
	{name: "live", def: "false", on: []Command{Health},
		about: "ask whether the process answers, and not whether it is ready",
		into:  func(c *Config) value { return truth(&c.Live) }},
	{name: "admin", arg: "URL", on: onAdmin,
		about: "where the admin port of the server is, http://HOST:PORT; unless it is given, --admin-listen on this machine",
		into:  func(c *Config) value { return adminURL(&c.Admin) }},

	{group: "Where it listens", name: "listen", arg: "ADDR", def: ":8000", on: onServe,
		about: "the one port for WebSocket, REST and the demo page; with --dev the default is " + devListen,
		into:  func(c *Config) value { return address(&c.Listen) }},
	{name: "admin-listen", arg: "ADDR", def: "127.0.0.1:9000", on: slices.Concat(onServe, onAdmin),
		about: "a page, /healthz, /readyz, /metrics, on a loopback address /debug/pprof/, and for this machine caravan admin; empty switches it off",
		into:  func(c *Config) value { return optionalAddress(&c.AdminListen) }},
	{name: "admin-hosts", arg: "NAMES", on: onServe,
		about: "comma-separated names that the admin port, and with --dev the public one, answers to besides addresses, localhost, this machine's name and the one that is listened on; another Host: 421. * for all",
		into:  func(c *Config) value { return hosts(&c.AdminHosts) }},
	{name: "admin-pprof", def: "false", on: onServe,
		about: "/debug/pprof/ also where the admin port is not on a loopback address",
		into:  func(c *Config) value { return truth(&c.AdminPprof) }},
	{name: "trusted-proxies", arg: "NETWORKS", live: true, on: onServe,
		about: "comma-separated addresses and networks of proxies that are believed: what X-Forwarded-For, or else Forwarded, says of the client's address, for the log, and X-Forwarded-Proto and -Host of the links that it is given; empty: nobody is",
		into:  func(c *Config) value { return proxies(&c.TrustedProxies) }},
	{name: "proxy-protocol", def: "false", live: true, on: onServe,
		about: "each connection of the --trusted-proxies begins with a PROXY protocol header, version 1 or 2, that says the address of the client. Others may send none",
		into:  func(c *Config) value { return truth(&c.ProxyProtocol) }},
	{name: "allowed-origins", arg: "PATTERNS", live: true, on: onServe,
		about: "comma-separated patterns of Origin (https://*.example.com, *); empty: the same host. A request without an Origin passes",
		into:  func(c *Config) value { return origins(&c.AllowedOrigins) }},

	{group: "Database and Redis", name: "database", arg: "URL", def: "sqlite:data/caravan.db", on: onDatabase, secret: true,
		about: "sqlite:PATH or postgres://user:password@host:port/name",
		into:  func(c *Config) value { return database(&c.Database) }},
	{name: "database-wait", arg: "DURATION", def: "30s", on: onDatabase,
		about: "how long the start waits for the database",
		into:  func(c *Config) value { return duration(&c.DatabaseWait, 0, time.Hour) }},
	{name: "batch-rows", arg: "N", def: "2000", on: onServe,
		about: "group commit: most messages in one transaction",
		into:  func(c *Config) value { return count(&c.BatchRows, 1, 10_000) }},
	{name: "batch-delay", arg: "DURATION", def: "0s", on: onServe,
		about: "group commit: how long the first message waits for company",
		into:  func(c *Config) value { return duration(&c.BatchDelay, 0, time.Second) }},
	{name: "writers", arg: "N", def: "0", on: onServe,
		about: "group commit: parallel writers; 0: 1 on SQLite, 4 on PostgreSQL",
		into:  func(c *Config) value { return count(&c.Writers, 0, 64) }},
	{name: "redis", arg: "URL", on: onRedis, secret: true,
		about: "redis://[user:pass@]host:port[,host:port...]; several hosts mean Redis Cluster; empty: one node. Where empty, REDIS_HOST and REDIS_PORT count",
		into:  func(c *Config) value { return redis(&c.Redis) }},
	{name: "redis-prefix", arg: "TEXT", def: backplane.PrefixDefault, on: onRedis,
		about: "of all channels and keys in Redis: different ones keep deployments apart that share it. A physical copy of production's database (a promoted standby, a snapshot) needs another one than production, or stops it",
		into:  func(c *Config) value { return redisPrefix(&c.RedisPrefix) }},

	{group: "Tokens", name: "jwt-secret", arg: "TEXT", live: true, on: onTokens, secret: true,
		about: "HS256 key",
		into:  func(c *Config) value { return text(&c.secret) }},
	{name: "jwt-secret-file", arg: "PATH", live: true, on: onTokens,
		about: "file with the HS256 key; white space at its end does not count",
		into:  func(c *Config) value { return text(&c.secretFile) }},
	{name: "allow-weak-secret", def: "false", live: true, on: onServe,
		about: "serve with an HS256 key of less than 32 bytes, which whoever has a token can find out: for one that is in use already",
		into:  func(c *Config) value { return truth(&c.AllowWeakSecret) }},
	{name: "jwt-public-key-file", arg: "PATH[,PATH...]", live: true, on: onServe,
		about: "PEM files with RS256, ES256 or EdDSA public keys",
		into:  func(c *Config) value { return text(&c.publicKeyFile) }},
	{name: "jwt-jwks-url", arg: "URL", live: true, on: onServe, secret: true,
		about: "where RS256, ES256 or EdDSA public keys are fetched",
		into:  func(c *Config) value { return jwksURL(&c.JWT.JWKSURL) }},
	{name: "jwt-issuer", arg: "TEXT", live: true, on: onTokens,
		about: "the iss claim that tokens must have; empty: not checked",
		into:  func(c *Config) value { return text(&c.JWT.Issuer) }},
	{name: "jwt-audience", arg: "TEXT", live: true, on: onTokens,
		about: "the aud claim that tokens must have; empty: not checked",
		into:  func(c *Config) value { return text(&c.JWT.Audience) }},
	{name: "jwt-leeway", arg: "DURATION", def: "0s", live: true, on: onServe,
		about: "how far the clocks of the signer and of this machine may differ",
		into:  func(c *Config) value { return duration(&c.JWT.Leeway, 0, time.Hour) }},

	{group: "Rooms and their members", name: "roles", arg: "RULES", def: protocol.RolesDefault, on: []Command{Serve, Migrate},
		about: "what collaborators may do, by their role: ROLE[,ROLE]=PERMISSION[,PERMISSION];... of send, edit, delete, react, pin, upload, mention_all and moderate, or all, or none. A role that is not named has all but the last two",
		into:  func(c *Config) value { return roles(&c.Roles) }},
	{name: "reactions", arg: "EMOJI", on: onServe,
		about: "comma-separated emoji that may be chosen as reactions; empty: any",
		into:  func(c *Config) value { return emoji(&c.Reactions) }},
	{name: "reads-members", arg: "N", def: "100", on: onServe,
		about: "members who ask for it are told who has read how far, in trips of at most so many collaborators; 0: in none",
		into:  func(c *Config) value { return count(&c.ReadsMembers, 0, 1_000) }},
	{name: "presence-list", arg: "N", def: "100", on: onServe,
		about: "members who ask for it are told who is in a room while at most so many are, and beyond it how many; 0: always how many",
		into:  func(c *Config) value { return count(&c.PresenceList, 0, 1_000) }},
	{name: "presence-grace", arg: "DURATION", def: "10s", on: onServe,
		about: "how long a user whose last connection has ended still counts as being in a room",
		into:  func(c *Config) value { return duration(&c.PresenceGrace, 0, time.Hour) }},
	{name: "last-seen", def: "true", on: onServe,
		about: "when users were connected last is stored, and told to the members of their trips; --last-seen=false switches it off",
		into:  func(c *Config) value { return truth(&c.LastSeen) }},
	{name: "recheck-interval", arg: "DURATION", def: "20s", on: onServe,
		about: "how often it is looked at again whether members may still be in their rooms, and by which role",
		into:  func(c *Config) value { return duration(&c.RecheckInterval, time.Second, time.Hour) }},

	{group: "Messages and their limits", name: "history", arg: "N", def: strconv.Itoa(protocol.HistoryMessagesDefault), on: onServe,
		about: "messages sent on connect",
		into:  func(c *Config) value { return count(&c.History, 0, protocol.ResumeMessagesMax) }},
	{name: "history-bytes", arg: "SIZE", def: "256KiB", on: onServe,
		about: "bytes of the history on connect, of an answer to since, or of a REST page: as many messages as fit, at least one",
		into:  func(c *Config) value { return size(&c.HistoryBytes, historyBytesLeast, 64<<20) }},
	{name: "room-bytes", arg: "SIZE", def: "0", live: true, on: onServe,
		about: "bytes of content that a room may have; 0: no limit. The same on all nodes",
		into:  func(c *Config) value { return size(&c.RoomBytes, 0, 1<<50) }},
	{name: "user-messages-per-day", arg: "N", def: "0", live: true, on: onServe,
		about: "messages that a user may send on a day of UTC, in all rooms; 0: no limit. The same on all nodes",
		into:  func(c *Config) value { return count(&c.UserMessagesPerDay, 0, 1_000_000_000) }},
	{name: "max-content", arg: "N", def: strconv.Itoa(protocol.ContentRunesMaxDefault), on: onServe,
		about: "characters (Unicode code points) in a message",
		into:  func(c *Config) value { return count(&c.MaxContent, 1, 1_000_000) }},
	{name: "deleted-text", arg: "TEXT", def: protocol.DeletedTextDefault, on: onServe,
		about: "what is told in place of the content of a deleted message, to clients that know nothing better",
		into:  func(c *Config) value { return shown(&c.DeletedText) }},
	{name: "max-frame", arg: "SIZE", def: strconv.Itoa(protocol.FrameBytesMaxDefault), on: onServe,
		about: "bytes in an incoming WebSocket message after inflation, or in a REST body",
		into:  func(c *Config) value { return size(&c.MaxFrame, frameBytesLeast, 64<<20) }},
	{name: "send-buffer", arg: "SIZE", def: "1MiB", on: onServe,
		about: "bytes that may wait for one slow client before it is dropped with 4008",
		into:  func(c *Config) value { return size(&c.SendBuffer, 4<<10, 1<<30) }},
	{group: "Clients and their limits", name: "rate", arg: "N", def: "20", live: true, on: onServe,
		about: "client frames a second and connection, REST writes a second and user; 0: no limit",
		into:  func(c *Config) value { return count(&c.Rate, 0, 1_000_000) }},
	{name: "burst", arg: "N", def: "40", live: true, on: onServe,
		about: "how many of them may come at once",
		into:  func(c *Config) value { return count(&c.Burst, 1, 1_000_000) }},
	{name: "user-rate", arg: "N", live: true, on: onServe,
		about: "client frames and REST writes a second of one user, over all connections; 0: no limit. Five times --rate where it is not given",
		into:  func(c *Config) value { return count(&c.UserRate, 0, 10_000_000) }},
	{name: "user-burst", arg: "N", live: true, on: onServe,
		about: "how many of them may come at once. Five times --burst where it is not given",
		into:  func(c *Config) value { return count(&c.UserBurst, 1, 10_000_000) }},
	{name: "read-rate", arg: "N", def: "50", live: true, on: onServe,
		about: "reads a second of one user: histories on connect, and REST calls that read. 0, or --rate 0 where it is not given: no limit",
		into:  func(c *Config) value { return count(&c.ReadRate, 0, 10_000_000) }},
	{name: "read-burst", arg: "N", def: "2000", live: true, on: onServe,
		about: "how many of them may come at once",
		into:  func(c *Config) value { return count(&c.ReadBurst, 1, 10_000_000) }},
	{name: "read-bytes", arg: "SIZE", def: "1MiB", live: true, on: onServe,
		about: "bytes a second of the answers to one user's reads; 32 s of it may be saved up. 0, or --rate 0 where it is not given: no limit",
		into:  func(c *Config) value { return size(&c.ReadBytes, 0, 1<<30) }},
	{name: "unsent-bytes", arg: "SIZE", def: "0", on: onServe,
		about: "bytes of histories, pages and other answers that are made and not sent yet, all clients together; over it, reads get 503 and new clients 1013. 0: a quarter of the memory limit",
		into:  func(c *Config) value { return size(&c.UnsentBytes, 0, 1<<40) }},
	{name: "max-connections", arg: "N", def: "0", live: true, on: onServe,
		about: "WebSocket connections; over it, handshakes get HTTP 503. 0: as many as the limit of open files allows",
		into:  func(c *Config) value { return count(&c.MaxConnections, 0, 10_000_000) }},
	{name: "connections-per-user", arg: "N", def: "100", live: true, on: onServe,
		about: "WebSocket connections of one user; over it, a new one is closed with 1013. 0: no limit",
		into:  func(c *Config) value { return count(&c.PerUser, 0, 1_000_000) }},
	{name: "rooms-per-connection", arg: "N", def: "200", live: true, on: onServe,
		about: "rooms that are subscribed on one WebSocket of a user; over it, subscribing is refused",
		into:  func(c *Config) value { return count(&c.RoomsPerConnection, 1, 10_000) }},
	{name: "address-connects", arg: "N", def: "0", live: true, on: onServe,
		about: "WebSocket handshakes a second from one address (of IPv6 from one /64), ten times as many at once; over it, they get HTTP 429. Addresses of --trusted-proxies do not count. 0: no limit",
		into:  func(c *Config) value { return count(&c.AddressConnects, 0, 1_000_000) }},
	{name: "address-tokens", arg: "N", def: "0", live: true, on: onServe,
		about: "tokens a minute from one address that are not good; over it, no token of that address is looked at, and the answer is HTTP 429. 0: no limit",
		into:  func(c *Config) value { return count(&c.AddressTokens, 0, 10_000_000) }},

	{group: "Files", name: "attachments", arg: "PLACE", on: onFiles, secret: true,
		about: "where files that members upload are kept: file:PATH, a directory that is made where it is missing, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME&proxy=true, with the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; off: there are none. With --dev the default is a directory beside the database",
		into:  func(c *Config) value { return attachments(&c.Attachments) }},
	{name: "attachment-max", arg: "SIZE", def: "25MiB", on: onServe,
		about: "bytes of a file",
		into:  func(c *Config) value { return size(&c.AttachmentMax, 1, 5<<30) }},
	{name: "attachment-types", arg: "TYPES", def: media.DefaultTypes, on: onServe,
		about: "comma-separated MIME types of files, * for any at the end of one. What a file is its bytes say",
		into:  func(c *Config) value { return mimeTypes(&c.AttachmentTypes) }},
	{name: "attachment-quota", arg: "SIZE", def: "500MiB", on: onServe,
		about: "bytes that a user may upload in 24 hours; 0: no limit. The same on all nodes",
		into:  func(c *Config) value { return size(&c.AttachmentQuota, 0, 1<<50) }},
	{name: "attachment-url-ttl", arg: "DURATION", def: "24h", on: onServe,
		about: "how long the link of a file works at least, and half as long again at most. The same on all nodes",
		into:  func(c *Config) value { return duration(&c.AttachmentURLTTL, 2*time.Second, 365*24*time.Hour) }},
	{name: "attachment-scan-url", arg: "URL", on: onServe, secret: true,
		about: "is sent each file by POST: it is stored where the answer is 2xx, rejected where that is 4xx, and else to be sent again later",
		into:  func(c *Config) value { return httpURL(&c.AttachmentScanURL) }},
	{name: "attachment-keep-exif", def: "false", on: onServe,
		about: "photos keep where and when they were taken, and by what",
		into:  func(c *Config) value { return truth(&c.AttachmentKeepEXIF) }},
	{name: "public-url", arg: "URL", on: onServe,
		about: "where clients reach this server, such as https://chat.example.com: links of files begin with it. Empty: they are paths. The same on all nodes",
		into:  func(c *Config) value { return origin(&c.PublicURL) }},

	{group: "Connections", name: "handshake-timeout", arg: "DURATION", def: "10s", on: onServe,
		about: "from accepting a connection to the end of its handshake",
		into:  func(c *Config) value { return duration(&c.HandshakeTimeout, 10*time.Millisecond, time.Hour) }},
	{name: "ping-interval", arg: "DURATION", def: "30s", on: onServe,
		about: "a client that was silent for so long is pinged",
		into:  func(c *Config) value { return duration(&c.PingInterval, 10*time.Millisecond, time.Hour) }},
	{name: "idle-timeout", arg: "DURATION", def: "75s", on: onServe,
		about: "a client that was silent for so long, pongs included, is closed",
		into:  func(c *Config) value { return duration(&c.IdleTimeout, 10*time.Millisecond, 2*time.Hour) }},
	{name: "loops", arg: "N", def: strconv.Itoa(runtime.GOMAXPROCS(0)), on: onServe,
		about: "event loops; the default is the number of CPUs",
		into:  func(c *Config) value { return count(&c.Loops, 1, 256) }},
	{name: "compression", def: "true", on: onServe,
		about: "permessage-deflate where the client offers it; --compression=false switches it off",
		into:  func(c *Config) value { return truth(&c.Compression) }},

	{group: "Operation", name: "log-level", arg: "LEVEL", def: "info", live: true, on: everywhere,
		about: "debug, info, warn or error",
		into:  func(c *Config) value { return level(&c.LogLevel) }},
	{name: "log-format", arg: "FORMAT", def: "text", on: everywhere,
		about: "text or json, to stderr",
		into:  func(c *Config) value { return choice(&c.LogFormat, "text", "json") }},
	{name: "access-log", def: "false", live: true, on: onServe,
		about: "a line for each REST call and each WebSocket that has ended, at level info; who is turned away is logged in any case",
		into:  func(c *Config) value { return truth(&c.AccessLog) }},
	{name: "otlp-endpoint", arg: "URL", on: onServe, secret: true,
		about: "a collector of OpenTelemetry, such as http://127.0.0.1:4318: traces of messages and REST calls are sent there by OTLP over HTTP. Empty: nothing is traced",
		into:  func(c *Config) value { return httpURL(&c.OTLPEndpoint) }},
	{name: "trace-ratio", arg: "RATIO", def: "0.01", on: onServe,
		about: "the part of them that is traced, from 0 to 1, where who asks says nothing in traceparent",
		into:  func(c *Config) value { return ratio(&c.TraceRatio) }},
	{name: "drain-timeout", arg: "DURATION", def: "10s", on: onServe,
		about: "over what time the clients are sent away when the server stops",
		into:  func(c *Config) value { return duration(&c.DrainTimeout, 0, time.Hour) }},
	{name: "shutdown-delay", arg: "DURATION", def: "0s", on: onServe,
		about: "how long the server goes on as before when it is told to stop, not ready, so that load balancers see that and send new clients elsewhere",
		into:  func(c *Config) value { return duration(&c.ShutdownDelay, 0, time.Hour) }},
	{name: "reuse-port", def: "false", on: onServe,
		about: "another process of the same user may listen on the same ports: the next one, while this one drains, or the former one. Otherwise a port in use is an error",
		into:  func(c *Config) value { return truth(&c.ReusePort) }},
	{name: "dev", def: "false", on: everywhere,
		about: "a fixed development secret, demo users and trips, the demo page with tokens",
		into:  func(c *Config) value { return truth(&c.Dev) }},
	{name: configFlag, arg: "PATH", on: everywhere,
		about: "file with `name = value` lines; the environment wins over it, and a flag over both",
		into:  func(*Config) value { return ignored },
	},
}

// find returns the setting of that name, nil where there is none.
func find(name string) *setting {
	for i := range settings {
		if settings[i].name == name {
			return &settings[i]
		}
	}
	return nil
}
