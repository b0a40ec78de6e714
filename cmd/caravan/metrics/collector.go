package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caravan-chat/caravan/cmd/caravan/memory"
	"github.com/caravan-chat/caravan/cmd/caravan/traces"
	"github.com/caravan-chat/caravan/netpoll"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/attachment"
	"github.com/caravan-chat/caravan/room/backplane"
	"github.com/caravan-chat/caravan/room/rest"
	"github.com/caravan-chat/caravan/room/socket"
	"github.com/caravan-chat/caravan/room/unsent"
	"github.com/caravan-chat/caravan/room/visit"
)

// Sources are where the figures are read. All functions are safe for concurrent
// use.
type Sources struct {
	Sockets      func() netpoll.Stats
	Sessions     func() socket.Stats
	Chat         func() room.Stats
	REST         func() rest.Stats
	Unsent       func() unsent.Stats
	Memory       func() memory.Stats
	Files        func() attachment.Stats // nil: there are no attachments
	Traces       func() traces.Stats     // nil: nothing is traced
	Backplane    func() backplane.Stats  // nil: this node is alone
	DroppedLines func() int64            // of the log of visits
	Addresses    func() visit.AddressStats
	DatabaseUp   func() bool
	Timeline     func() room.Timeline // of the database's primary
	TakeOvers    func() int64         // of it by another server
	Protection   func() bool          // a server that was taken over from is known by its timeline; nil: there is but one server
	Ready        func() bool
}

// collector reads the sources when Prometheus asks.
type collector struct{ from Sources }

// metric is a description with its type.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

var all []*prometheus.Desc

func gauge(name, help string, labels ...string) metric {
	return describe(prometheus.GaugeValue, name, help, labels)
}

func counter(name, help string, labels ...string) metric {
	return describe(prometheus.CounterValue, name+"_total", help, labels)
}

func describe(kind prometheus.ValueType, name, help string, labels []string) metric {
	desc := prometheus.NewDesc("caravan_"+name, help, labels, nil)
	all = append(all, desc)
	return metric{desc, kind}
}

// What is read of the sockets.
var (
	connections     = gauge("connections", "WebSocket connections that are open.")
	sockets         = gauge("sockets", "Sockets of any kind, but those that speak plain HTTP: handshaking, open, ending.")
	httpConnections = gauge("http_connections", "Connections that speak plain HTTP.")
	accepted        = counter("sockets_accepted", "Sockets that were accepted.")
	acceptFailures  = counter("accept_failures", "Accepts that failed, for want of descriptors or memory. The clients wait.")
	connects        = counter("connects", "WebSocket connections that were opened.")
	refused         = counter("connects_refused", "Clients that did not get into a room, by reason.", "reason")
	heldBack        = gauge("connects_held_back", "Clients over the rate of reads that are told so later, as they come again and again.")
	closes          = counter("closes", "WebSocket connections that were closed, by close code.", "code")
	causes          = counter("close_causes", "WebSocket connections that were closed, by cause.", "cause")
	keysUnknown     = counter("tokens_key_unknown", "Tokens that were not judged because their key was not known yet.")
	tokensRenewed   = counter("tokens_renewed", "Fresh tokens of clients that are in.")
	tokensRefused   = counter("tokens_refused", "Tokens that such clients sent, and that were not good.")
	panics          = counter("panics", "Calls that panicked, by where.", "where")
	received        = counter("received_messages", "WebSocket messages from clients.")
	receivedBytes   = counter("received_bytes", "Bytes read from sockets.")
	deliveries      = counter("deliveries", "WebSocket messages queued for clients.")
	sentBytes       = counter("sent_bytes", "Bytes written to sockets.")
	writes          = counter("socket_writes", "System calls that wrote to sockets.")
	outboxBytes     = gauge("outbox_bytes", "Bytes that wait for slow clients.")
	begunBytes      = gauge("begun_bytes", "Memory of messages that have not come whole, and of what paused clients sent; what was finished a moment ago may count still.")
	stalled         = gauge("stalled_connections", "Connections whose client does not read.")
	paused          = gauge("paused_connections", "Connections that are not read because they sent too much.")
	pauses          = counter("pauses", "Pauses of connections that sent too much.")
	kicked          = counter("kicks", "WebSocket connections that an operator has closed.")
	overRate        = counter("frames_over_rate", "Client frames that were refused because there were too many.")
	members         = gauge("members", "Clients that are in, by the version of the protocol that they speak.", "version")
	userSockets     = gauge("user_sockets", "WebSocket connections of users that are in.")
	subscribedRooms = gauge("subscribed_rooms", "Rooms that are subscribed on them.")
	roomsLeft       = counter("rooms_left", "Rooms that their clients left, or could not subscribe to, by code.", "code")
	allowances      = gauge("user_allowances", "Users whose requests are counted.")
	forgotten       = counter("user_allowances_forgotten", "Users whose requests were forgotten early because too many are counted.")
	drops           = counter("drops", "WebSocket messages that were queued and not delivered, by reason.", "reason")
	turns           = counter("loop_turns", "Turns of the event loops that had something left to do at their end.")
	mail            = counter("loop_mail", "Functions that were posted to the event loops and called.")
	mailWaiting     = gauge("loop_mail_waiting", "Functions that wait for an event loop.")
)

// What is read of the chat.
var (
	messages         = counter("messages", "Messages that were committed.")
	edits            = counter("edits", "Edits that were committed.")
	events           = counter("events", "Events that were committed, by kind.", "kind")
	duplicates       = counter("duplicates", "Messages that were known already by their client_id.")
	refusals         = counter("refusals", "Events that were asked for and not stored, by code.", "code")
	quotaRefusals    = counter("quota_refusals", "Events that were not stored because a quota was used up, by quota.", "quota")
	appendErrors     = counter("append_errors", "Transactions that failed.")
	laneQueue        = gauge("lane_queue_length", "Events that are asked for and wait in a lane.", "lane")
	refusing         = gauge("refusing_seconds", "For how long a lane has refused what it accepted, with nothing stored; 0 while messages are stored.")
	accessLooks      = counter("access_lookups", "Looks into the database for rights.")
	accessAsked      = counter("access_questions", "Questions for rights that those answered.")
	historyLooks     = counter("history_lookups", "Looks into the database for histories.")
	historyAsked     = counter("history_questions", "Histories that those answered.")
	bulkUnderWay     = gauge("reads_in_flight", "Reads that clients ask for and that the database does now.")
	bulkWaiting      = gauge("reads_waiting", "Reads that clients ask for and that wait for their user's turn.")
	makingWaiting    = gauge("answers_waiting", "Answers of memory that wait for their user's turn.")
	readsRefused     = counter("reads_refused", "Reads that clients asked for and that were turned away, by reason.", "reason")
	historyFromTail  = counter("histories_from_memory", "Histories that were answered from memory.")
	repairs          = counter("repairs", "Rooms read again from the database because something was missed.")
	repairErrors     = counter("repair_errors", "Such reads that failed.")
	repeats          = counter("batches_repeated", "Batches that were known already and left out.")
	holes            = counter("batch_holes", "Batches that came before their predecessor.")
	parkedDropped    = counter("batches_unparked", "Early batches that were left out because too many waited, and read again.")
	congested        = counter("lane_pauses", "Pauses of a lane because the event loops did not keep up.")
	leftOut          = counter("batches_left_out", "Batches of other nodes that were left out because the event loops did not keep up, and read again.")
	typingRepeated   = counter("typing_repeated", "Notices, as of typing, that told nothing new or came too often, and were not told.")
	typingLeftOut    = counter("typing_left_out", "Notices, as of typing, that were left out because the event loops did not keep up.")
	summariesLeft    = counter("summaries_left", "Summaries of reactions and answers that had no place to wait in, and come half a minute later.")
	marksDropped     = counter("read_marks_dropped", "Read marks that were neither stored nor kept, as there was no room. The client marks again when it connects.")
	marksWaiting     = gauge("read_marks_waiting", "Read marks that wait to be stored together.")
	presenceWatchers = gauge("presence_watchers", "Members who are told who is in their room.")
	presenceRooms    = gauge("presence_rooms", "Rooms of which somebody, also on another node, wants to know who is there.")
	presencePartial  = gauge("presence_partial", "1 while presence is that of this node alone, as others cannot be heard.")
	presenceFrames   = counter("presence_frames", "Frames that told members of changes of who is in their room.")
	presenceLeftOut  = counter("presence_left_out", "Times that a room's watchers were told later because the loops did not keep up.")
	presenceSaid     = counter("presence_said", "Messages to other nodes of who is in a room.")
	presenceRefused  = counter("presence_refused", "Wishes to watch who is in a room that were refused because too many rooms are watched.")
	seenDropped      = counter("last_seen_dropped", "Times that it was not stored when a user was connected last, because that of too many waited to be stored.")
	readsWatchers    = gauge("reads_watchers", "Members who are told who has read how far in their room.")
	readsTold        = counter("reads_frames", "Frames that told members who has read how far, but for those that a member begins with.")
	summariesWaiting = gauge("summaries_waiting", "Summaries of reactions and answers that wait for their second.")
	superseded       = counter("batches_old_timeline", "Batches that were not told because another primary had taken over since.")
	rewinds          = counter("rooms_set_back", "Rooms whose database went back behind what had been told: events are lost.")
	rooms            = gauge("rooms", "Rooms that somebody on this node listens to.")
	tailBytes        = gauge("recent_message_bytes", "Recent messages kept in memory.")
)

// What is read of the rest.
var (
	restRequests  = gauge("rest_requests_in_flight", "REST requests under way, long polls apart.")
	restLongPolls = gauge("rest_long_polls", "Long polls that wait.")
	restCrowded   = counter("rest_crowded", "REST connections and requests that were refused because there were too many, by what there was too much of.", "reason")
	restCut       = counter("rest_downloads_cut", "Files that were being sent and were given up for clients of other addresses.")
	restYielded   = counter("rest_connections_yielded", "REST connections that waited for their client and were closed for new ones.")
	restBodies    = gauge("rest_body_bytes", "Memory of request bodies.")
	restShed      = counter("rest_connections_shed", "REST connections that did not go on and were closed to save memory.")
	restUntaken   = counter("rest_untaken", "REST answers that were cut off because the client did not take them in time.")
	databaseUp    = gauge("database_up", "1 while the database can be reached.")
	timeline      = gauge("database_timeline", "The greatest timeline of PostgreSQL that is known; zero: none is.")
	takeOvers     = counter("database_take_overs", "Times when another primary had taken over, and all connections were made anew.")
	protection    = gauge("failover_protection", "1 where PostgreSQL tells its timeline, so that a former primary is known as one, and with SQLite; 0: it does not.")
	droppedLines  = counter("visit_lines_dropped", "Lines about visits that were not written, as the log is read too slowly.")
	ready         = gauge("ready", "1 while /readyz says so.")
)

// What is read of the way to the other nodes.
var (
	backplaneHealthy       = gauge("backplane_healthy", "1 while notices of other nodes can be expected to arrive.")
	backplaneUnheard       = gauge("backplane_unheard_nodes", "Nodes that live, as the database knows, and are not heard through Redis.")
	backplaneApart         = gauge("backplane_apart", "1 while this node and those that it hears are fewer than those that it does not hear: it is not ready.")
	backplaneRoundTrip     = gauge("backplane_round_trip_seconds", "Time of a notice through Redis and back; grows while none comes back.")
	backplaneSubscriptions = gauge("backplane_subscriptions", "Rooms whose notices are subscribed to.")
	backplanePublished     = counter("backplane_published", "Notices that Redis took.")
	backplaneReceived      = counter("backplane_received", "Notices that came, this node's own included.")
	backplaneLost          = counter("backplane_lost", "Notices that were not carried, by reason; the database has what they told.", "reason")
	backplaneReconnects    = counter("backplane_reconnects", "Subscriptions that broke.")
	backplaneErrors        = counter("backplane_errors", "What failed otherwise, at Redis or in the database, by operation.", "operation")
)

// Describe implements prometheus.Collector.
func (*collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range all {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	to := sink{ch}
	chat := c.from.Chat()
	to.sockets(c.from.Sockets())
	to.sessions(c.from.Sessions())
	to.chat(&chat)
	to.rest(c.from.REST())
	to.memory(c.from.Memory(), c.from.Unsent())
	if c.from.Traces != nil {
		to.traces(c.from.Traces())
	}
	if c.from.Files != nil {
		to.files(c.from.Files())
	}
	if c.from.Backplane != nil {
		to.backplane(c.from.Backplane())
	}
	to.number(databaseUp, one(c.from.DatabaseUp()))
	to.number(timeline, float64(c.from.Timeline()))
	to.number(takeOvers, float64(c.from.TakeOvers()))
	to.number(protection, one(c.from.Protection == nil || c.from.Protection()))
	to.number(droppedLines, float64(c.from.DroppedLines()))
	to.addresses(c.from.Addresses())
	to.number(ready, one(c.from.Ready()))
}

// sink takes numbers as metrics.
type sink struct{ ch chan<- prometheus.Metric }

func (s sink) number(m metric, v float64, labels ...string) {
	s.ch <- prometheus.MustNewConstMetric(m.desc, m.kind, v, labels...)
}

func (s sink) sockets(n netpoll.Stats) {
	s.number(connections, float64(n.Open))
	s.number(sockets, float64(n.Sockets))
	s.number(httpConnections, float64(n.HTTP))
	s.number(accepted, float64(n.Accepted))
	s.number(acceptFailures, float64(n.Failed))
	s.number(connects, float64(n.Opened))
	for reason, v := range n.Refused {
		s.number(refused, float64(v), netpoll.RefusalReason(reason).String())
	}
	for code, v := range withZeros(n.Closes, closeCodes) {
		s.number(closes, float64(v), strconv.Itoa(int(code)))
	}
	for cause, v := range n.Causes {
		s.number(causes, float64(v), netpoll.Cause(cause).String())
	}
	s.number(panics, float64(n.Panics), "socket")
	s.number(received, float64(n.MessagesIn))
	s.number(receivedBytes, float64(n.BytesIn))
	s.number(deliveries, float64(n.Deliveries))
	s.number(sentBytes, float64(n.BytesOut))
	s.number(writes, float64(n.Writes))
	s.number(outboxBytes, float64(n.OutboxBytes))
	s.number(begunBytes, float64(n.BegunBytes))
	s.number(stalled, float64(n.Stalled))
	s.number(paused, float64(n.Paused))
	s.number(pauses, float64(n.Pauses))
	for reason, v := range n.Dropped {
		s.number(drops, float64(v), netpoll.DropReason(reason).String())
	}
	s.number(turns, float64(n.Turns))
	s.number(mail, float64(n.Mail))
	s.number(mailWaiting, float64(n.MailWaiting))
}

func (s sink) sessions(n socket.Stats) {
	s.number(presenceWatchers, float64(n.PresenceWatchersNow))
	s.number(presenceFrames, float64(n.PresenceTold))
	s.number(readsWatchers, float64(n.WatchersNow))
	s.number(readsTold, float64(n.ReadsTold))
	for version, v := range n.SpeakingNow {
		if version > 0 {
			s.number(members, float64(v), strconv.Itoa(version))
		}
	}
	s.number(userSockets, float64(n.UserSocketsNow))
	s.number(subscribedRooms, float64(n.SubscribedNow))
	for code, v := range withZeros(n.Left, leftCodes) {
		s.number(roomsLeft, float64(v), strconv.Itoa(int(code)))
	}
	s.number(refused, float64(n.OverPerUser), "user_connections")
	s.number(overRate, float64(n.OverRate))
	s.number(kicked, float64(n.Kicked))
	s.number(allowances, float64(n.Allowances.Users))
	s.number(forgotten, float64(n.Allowances.Forgotten))
}

func (s sink) chat(n *room.Stats) {
	s.number(refused, float64(n.Unauthorized), "unauthorized")
	s.number(refused, float64(n.Forbidden), "forbidden")
	s.number(refused, float64(n.EnterUnavailable), "unavailable")
	s.number(keysUnknown, float64(n.KeysUnknown))
	s.number(tokensRenewed, float64(n.TokensRenewed))
	s.number(tokensRefused, float64(n.TokensRefused))
	s.number(refused, float64(n.EnterLimited), "read_rate")
	s.number(heldBack, float64(n.HeldBackNow))
	s.number(readsRefused, float64(n.ReadsOverRate), "rate")
	s.number(readsRefused, float64(n.ReadsOverBytes), "bytes")
	s.number(readsRefused, float64(n.ReadsOverLine), "line")
	s.number(readsRefused, float64(n.ReadsBusy), "busy")
	s.number(bulkUnderWay, float64(n.BulkUnderWayNow))
	s.number(bulkWaiting, float64(n.BulkWaitingNow))
	s.number(makingWaiting, float64(n.MakingWaitingNow))
	s.number(messages, float64(n.Messages))
	s.number(edits, float64(n.Edits))
	for kind, v := range withZeros(n.Stored, protocol.EventKinds()) {
		s.number(events, float64(v), kind.String())
	}
	s.number(duplicates, float64(n.Duplicates))
	for code, v := range withZeros(n.Refused, refusedCodes) {
		s.number(refusals, float64(v), string(code))
	}
	s.number(quotaRefusals, float64(n.RoomQuota), "room-bytes")
	s.number(quotaRefusals, float64(n.UserQuota), "user-messages-per-day")
	s.number(appendErrors, float64(n.AppendErrors))
	for lane, v := range n.LanesNow {
		s.number(laneQueue, float64(v), strconv.Itoa(lane))
	}
	s.number(refusing, n.RefusingNow.Seconds())
	s.number(accessLooks, float64(n.AccessLooks))
	s.number(accessAsked, float64(n.AccessAsked))
	s.number(panics, float64(n.Panics), "room")
	s.number(historyLooks, float64(n.HistoryLooks))
	s.number(historyAsked, float64(n.HistoryAsked))
	s.number(historyFromTail, float64(n.HistoriesFromTail))
	s.rounds(n)
	s.number(repairs, float64(n.Repairs))
	s.number(repairErrors, float64(n.RepairErrors))
	s.number(repeats, float64(n.Repeats))
	s.number(superseded, float64(n.Superseded))
	s.number(summariesLeft, float64(n.SummariesLeft))
	s.number(summariesWaiting, float64(n.SummariesWaitingNow))
	s.number(presenceRooms, float64(n.Presence.RoomsNow))
	s.number(presencePartial, one(n.Presence.PartialNow))
	s.number(presenceLeftOut, float64(n.Presence.LeftOut))
	s.number(presenceSaid, float64(n.Presence.Said))
	s.number(presenceRefused, float64(n.Presence.Full))
	s.number(seenDropped, float64(n.SeenDropped))
	s.number(marksDropped, float64(n.MarksDropped))
	s.number(marksWaiting, float64(n.MarksHeldNow))
	s.number(rewinds, float64(n.Rewinds))
	s.number(holes, float64(n.Gaps))
	s.number(parkedDropped, float64(n.ParkedDropped))
	s.number(congested, float64(n.Congested))
	s.number(leftOut, float64(n.LeftOut))
	s.number(typingRepeated, float64(n.NoticesRepeated))
	s.number(typingLeftOut, float64(n.NoticesLeftOut))
	s.number(rooms, float64(n.RoomsNow))
	s.number(tailBytes, float64(n.TailBytesNow))
}

func (s sink) rest(n rest.Stats) {
	s.number(panics, float64(n.Panics), "rest")
	s.number(restRequests, float64(n.RequestsNow))
	s.number(restLongPolls, float64(n.LongPollsNow))
	for reason, count := range n.Crowded {
		s.number(restCrowded, float64(count), rest.Crowding(reason).String())
	}
	s.number(restCut, float64(n.DownloadsCut))
	s.number(restYielded, float64(n.Yielded))
	s.number(restBodies, float64(n.BodyBytesNow))
	s.number(restUntaken, float64(n.Untaken))
	s.number(restShed, float64(n.Shed))
}

func (s sink) backplane(n backplane.Stats) {
	s.number(backplaneHealthy, one(n.HealthyNow))
	s.number(backplaneUnheard, float64(n.UnheardNow))
	s.number(backplaneApart, one(n.ApartNow))
	s.number(backplaneRoundTrip, n.RoundTripNow.Seconds())
	s.number(backplaneSubscriptions, float64(n.SubscriptionsNow))
	s.number(backplanePublished, float64(n.Published))
	s.number(backplaneReceived, float64(n.Received))
	s.number(backplaneLost, float64(n.PublishErrors), "publish")
	s.number(backplaneLost, float64(n.Dropped), "dropped")
	s.number(backplaneLost, float64(n.Foreign), "foreign")
	s.number(backplaneLost, float64(n.Newer), "newer")
	s.number(backplaneLost, float64(n.Older), "older")
	s.number(backplaneLost, float64(n.Malformed), "malformed")
	s.number(backplaneLost, float64(n.Unsigned), "unsigned")
	s.number(backplaneLost, float64(n.UnknownKey), "unknown_key")
	s.number(backplaneLost, float64(n.Forged), "forged")
	s.number(backplaneLost, float64(n.Stale), "stale")
	s.number(backplaneLost, float64(n.OldTimeline), "old_timeline")
	s.number(backplaneReconnects, float64(n.Reconnects))
	s.number(backplaneErrors, float64(n.ConnectErrors), "connect")
	s.number(backplaneErrors, float64(n.LeaseErrors), "lease")
	s.number(backplaneErrors, float64(n.NoteErrors), "note")
	s.number(backplaneErrors, float64(n.KeyErrors), "key")
	s.number(panics, float64(n.Panics), "backplane")
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
