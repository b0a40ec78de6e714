// Package config is what an operator can tune about Caravan: one table of
// settings, read from flags, the environment and a file, checked together.
//
// Load is the only way in; a Config that it returned without an error is
// complete, within its limits and consistent, and is not changed afterwards.
package config

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/media"
	"github.com/caravan-chat/caravan/protocol/token"
)

// Command names a subcommand of caravan.
type Command string

// The subcommands that take settings.
const (
	Serve   Command = "serve"
	Migrate Command = "migrate"
	Token   Command = "token"
	Seed    Command = "seed"
	Status  Command = "status"
	Backup  Command = "backup"

	UserAdd      Command = "user add"
	UserList     Command = "user list"
	UserRemove   Command = "user remove"
	TripAdd      Command = "trip add"
	TripList     Command = "trip list"
	TripRemove   Command = "trip remove"
	MemberAdd    Command = "member add"
	MemberList   Command = "member list"
	MemberRemove Command = "member remove"

	Health           Command = "health"
	AdminConnections Command = "admin connections"
	AdminKick        Command = "admin kick"
	AdminDrain       Command = "admin drain"
	AdminProfile     Command = "admin profile"
	AdminLogLevel    Command = "admin log-level"

	AttachmentsCheck Command = "attachments check"

	ConfigCheck Command = "config check" // takes what serve takes
	ConfigPrint Command = "config print" // likewise
)

// serves says whether the command takes the settings of a server.
func (c Command) serves() bool { return c == Serve || c == ConfigCheck || c == ConfigPrint }

// Config holds the value of every setting that concerns a command; the others
// have their defaults. Sizes are in bytes.
type Config struct {
	Listen          string // host:port of the one public port
	AdminListen     string // host:port; empty: off
	AdminHosts      Hosts  // names that the admin port answers to, and with Dev the public one
	AdminPprof      bool   // profiles also where the admin port is not on a loopback address
	Database        string // sqlite:PATH or a postgres:// URL; may hold a password
	DatabaseWait    time.Duration
	Redis           string       // redis:// URL; may hold a password; empty: one node
	RedisPrefix     string       // of all channels and keys
	JWT             token.Config // its keys read from their files
	AllowWeakSecret bool         // of HS256
	AllowedOrigins  Origins
	TrustedProxies  []netip.Prefix
	ProxyProtocol   bool // of the trusted proxies
	Roles           protocol.Roles
	Reactions       protocol.Emoji
	ReadsMembers    int
	PresenceList    int
	PresenceGrace   time.Duration
	LastSeen        bool
	RecheckInterval time.Duration // of members' rights
	Loops           int
	History         int // messages
	HistoryBytes    int

	RoomBytes          int // of content; zero: no limit
	UserMessagesPerDay int // zero: no limit

	MaxContent         int // code points
	DeletedText        string
	MaxFrame           int
	SendBuffer         int
	UnsentBytes        int // zero: a quarter of the memory
	BatchRows          int
	BatchDelay         time.Duration
	Writers            int // zero: what suits the store
	Rate               int // client frames a second; zero: no limit
	Burst              int
	UserRate           int // of all connections of a user; zero: no limit
	UserBurst          int
	ReadRate           int // reads a second and user; zero: no limit
	ReadBurst          int
	ReadBytes          int // a second and user; zero: no limit
	MaxConnections     int // zero: as many as the open-files limit allows
	PerUser            int // connections; zero: no limit
	RoomsPerConnection int // of a user socket
	AddressConnects    int // handshakes a second of one address; zero: no limit
	AddressTokens      int // that are not good, a minute; zero: no limit

	Attachments        string // where files are kept: file:PATH or an s3:// URL; empty: there are none
	AttachmentMax      int
	AttachmentTypes    media.Allowed
	AttachmentQuota    int // bytes of a user in 24 hours; zero: no limit
	AttachmentURLTTL   time.Duration
	AttachmentScanURL  string // empty: nobody is asked
	AttachmentKeepEXIF bool
	PublicURL          string // scheme and host; empty: not known

	HandshakeTimeout time.Duration
	PingInterval     time.Duration
	IdleTimeout      time.Duration
	DrainTimeout     time.Duration
	ShutdownDelay    time.Duration
	ReusePort        bool
	Compression      bool

	AccessLog    bool    // all visits
	OTLPEndpoint string  // may hold a password; empty: nothing is traced
	TraceRatio   float64 // from 0 to 1
	LogLevel     slog.Level
	LogFormat    string // text or json
	Dev          bool

	ID                                   uuid.UUID // of a user or a trip; nil: a new one
	Email, Username, FirstName, LastName string    // of a user
	Title                                string    // of a trip
	Owner, Trip                          uuid.UUID
	Role                                 string // of a member

	Admin   string     // URL of the admin port; empty: of AdminListen
	Live    bool       // health: alive, and not ready
	Room    uuid.UUID  // admin: a room's id or its trip's; nil: any
	Address netip.Addr // admin: of clients; zero: any
	Code    int        // admin kick: of the close
	Reason  string     // likewise
	Kind    string     // admin profile
	Seconds int        // likewise; zero: as the kind needs
	Out     string     // likewise: a file
	Level   string     // admin log-level: empty: as it is

	User  uuid.UUID     // token: whose; member: who; admin: of clients
	TTL   time.Duration // token: how long it is valid
	Users int           // seed
	Trips int           // seed
	JSON  bool          // lists: for programs
	Check bool          // migrate: only say what is in the way
	To    string        // backup: the file to write
	// RightsTriggers is whether migrate prints the SQL that makes, or drops, triggers on the
	// application's tables. Empty: it does not.
	RightsTriggers string
	Moved          bool // migrate: the database may come from another cluster

	secret, secretFile, publicKeyFile string // as given; JWT has what they hold
	file                              string // of --config; empty: none

	effective []effective
}

// DevelopmentSecret signs tokens under --dev. It is the same everywhere, so that
// `caravan token --dev` fits a running server, and is therefore no secret at all.
const DevelopmentSecret = "caravan-development-secret-known-to-everybody"

// devListen is where --dev listens unless --listen says otherwise: its secret is
// known to everybody.
const devListen = "127.0.0.1:8000"

// Error is a setting that cannot be used: an unknown name, a malformed value, a
// contradiction. Its text names the flag and never holds a secret.
type Error struct {
	Flag string // without dashes; empty where no single flag is to blame
	From string // where the value stood, such as CARAVAN_LOOPS; empty: on the command line
	Text string
}

// Error returns the one line for the operator.
func (e *Error) Error() string {
	s := e.Text
	if e.Flag != "" {
		s = "--" + e.Flag + ": " + s
	}
	if e.From != "" {
		s += " (from " + e.From + ")"
	}
	return s
}

// FromFiles says whether a setting or a key comes from a file, and so may be another one when
// the same command line is loaded again.
func (c *Config) FromFiles() bool { return c.file != "" || c.secretFile != "" || c.publicKeyFile != "" }
