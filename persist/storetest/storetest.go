// Package storetest holds every store to the same behaviour: the contract of
// room.Store, told as tests. A store's own tests call Run and then add only what
// is theirs: how their database fails.
package storetest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/persist"
	"github.com/caravan-chat/caravan/room"
)

// Store is what both stores are.
type Store interface {
	room.Store
	room.AttachmentStore
	persist.Seeder
	Deployment(context.Context) (uuid.UUID, error)
	SetQuotas(persist.Quotas)
	persist.Rows
	Secret(ctx context.Context, name string) ([]byte, error)
}

// Open returns a store on an empty, migrated database of the test's own, and the
// application beside it: a function that runs an SQL statement without arguments. The
// test's cleanup closes both.
type Open func(t *testing.T) (s Store, application func(sql string))

// namedTest is a test of one store.
type namedTest struct {
	name string
	run  func(*testing.T, Open)
}

// Run runs all tests against the store, several at a time: they wait for its disk.
func Run(t *testing.T, open Open) {
	run(t, open, func(string) bool { return true })
}

// keyed are the tests whose messages have client_ids.
var keyed = map[string]bool{
	"SendStoresTheWholeMessage": true, "EditTakesTheNextNumber": true, "EditToWhatIsThereTakesNoNumber": true,
	"DeleteLeavesThePlaceOnly": true, "PinChangesThePinOnly": true, "MentionsAndDataAreStored": true,
	"AMessageTakesItsAttachments": true, "KnownClientIDStoresNothing": true, "KnownClientIDWithinABatch": true,
	"ClientIDIsPerSenderAndRoom": true, "ClientIDFromTenAtOnce": true, "WhoWasRemovedStoresNothing": true,
	"WhoComesBackMayGoOn": true, "AUserWhoIsGoneStoresNothing": true, "OneTripsCollaboratorIsNotAnothers": true,
	"AnAppendReadsWhoMayAsItIsNow": true, "AUsersMessagesOfADayHaveAQuota": true, "PoisonIsRefusedAlone": true,
	"AnyTextComesBackAsItWas": true, "LargeBatch": true, "ManyWritersOneOrder": true, "NothingIsToldOfADeletedRow": true, "Model": true,
}

// RunKeyed runs the tests whose messages have client_ids, for a store that is set to look those up in another way: in all
// others it does what it does as it is, which Run holds. That none is missing here the tests themselves tell.
func RunKeyed(t *testing.T, open Open) {
	run(t, open, func(name string) bool { return keyed[name] })
}

// mustBeKeyed fails a test of Run that is none of those.
func mustBeKeyed(t testing.TB) {
	t.Helper()
	if !slices.ContainsFunc(strings.Split(t.Name(), "/"), func(name string) bool { return keyed[name] }) {
		t.Fatal("a message with a client_id: the test must be among those of RunKeyed")
	}
}

func run(t *testing.T, open Open, wanted func(name string) bool) {
	for _, test := range append(besideTests(), []namedTest{
		{"SendStoresTheWholeMessage", testSend},
		{"NumbersAreDensePerRoom", testNumbers},
		{"TheEmptyBatchIsNothing", testEmptyBatch},
		{"ReplyCarriesTheOriginal", testReply},
		{"ReplyMustBeAMessageOfTheRoom", testInvalidReply},
		{"EditTakesTheNextNumber", testEdit},
		{"EditOfAMessageOfTheSameBatch", testEditInBatch},
		{"EditToWhatIsThereTakesNoNumber", testEditTwice},
		{"EditOnlyOnesOwn", testEditRefused},
		{"DeleteLeavesThePlaceOnly", testDelete},
		{"DeleteTwiceTakesOneNumber", testDeleteTwice},
		{"DeleteByWhoMay", testDeleteRefused},
		{"NothingIsDoneWithADeletedMessage", testDeletedIsNotFound},
		{"DeleteTakesAllRowsOfTheMessage", testDeleteRows},
		{"PinChangesThePinOnly", testPin},
		{"PinOfWhatIsSoTakesNoNumber", testPinIdle},
		{"PinOfAMessageOfTheRoom", testPinRefused},
		{"PinsOfARoomAreBounded", testPinLimit},
		{"MentionsAndDataAreStored", testMentions},
		{"MentionOfACollaborator", testMentionRefused},
		{"AnUploadHasARow", testAttachmentRow},
		{"AnUnheardPreviewIsToldAgain", testPreviewTwice},
		{"AMessageTakesItsAttachments", testAttachments},
		{"AttachmentsThatMayNotBeAreRefusedAlone", testAttachmentsRefused},
		{"FilesWithoutACaptionAreQuotedByName", testQuotedFiles},
		{"AnEditMayEmptyACaption", testEmptyCaption},
		{"UploadsThatNobodyUsesAreSwept", testSweepAttachments},
		{"AMessageOrTheSweepTakesAnUpload", testClaimRace},
		{"UploadsOfADayHaveAQuota", testUploadQuota},
		{"DataComesBackAsItWas", testData},
		{"AReactionIsAState", testReact},
		{"ReactionsOfABatch", testReactInBatch},
		{"ReactionsHaveLimits", testReactLimits},
		{"AReactionThatCannotBeIsRefusedAlone", testReactRefused},
		{"ManyReactionsAreCounted", testManyReactions},
		{"AnswersAreCounted", testReplyCount},
		{"DueSummaries", testDueSummaries},
		{"AnswersOfBeforeAreCounted", testUncounted},
		{"WhatCannotBeSummarizedIsDueNoMore", testHopelessSummaries},
		{"AnEmojiHasOneForm", testOneForm},
		{"WhenTheFirstOfAnEmojiGoes", testFirstGoes},
		{"WhoHasReacted", testReactors},
		{"KnownClientIDStoresNothing", testDuplicate},
		{"KnownClientIDWithinABatch", testDuplicateInBatch},
		{"ClientIDIsPerSenderAndRoom", testClientIDScope},
		{"ClientIDFromTenAtOnce", testDuplicateRace},
		{"UnknownRoomOrSenderIsRefusedAlone", testUnknown},
		{"WhoWasRemovedStoresNothing", testRemoved},
		{"WhoComesBackMayGoOn", testComesBack},
		{"AUserWhoIsGoneStoresNothing", testGoneUser},
		{"OneTripsCollaboratorIsNotAnothers", testAnotherTrip},
		{"AnAppendReadsWhoMayAsItIsNow", testRemovedMeanwhile},
		{"AMarkNeverGoesBack", testMarks},
		{"AMarkEndsAtTheRoomsNumber", testMarkClamp},
		{"AMarkIsACollaboratorsOwn", testMarkRefused},
		{"MarksFromManyDevicesAtOnce", testMarkRace},
		{"UnreadIsCountedUpToAPoint", testUnread},
		{"UnreadOfManyIsCountedOneByOne", testUnreadOfMany},
		{"MentionsAreCountedAfterTheMark", testMentionsCounted},
		{"MarksModel", testMarksModel},
		{"AMarkSaysWhatItRaised", testRaised},
		{"MarksOfFewCollaborators", testMarksOfFew},
		{"WhoHasReadAMessage", testReaders},
		{"WhoMayBeInARoom", testMembers},
		{"WhoWasSeenWhen", testSeen},
		{"ARoomsBytesHaveAQuota", testRoomQuota},
		{"ARoomsDataHasAQuota", testRoomQuotaCountsData},
		{"AFullRoomIsCountedOnce", testRoomQuotaCountsOnce},
		{"ALongRoomIsCountedInPortions", testRoomQuotaIsCountedInPortions},
		{"AUsersMessagesOfADayHaveAQuota", testUserQuota},
		{"PoisonIsRefusedAlone", testPoison},
		{"AnIDUsedTwiceIsRefusedAlone", testSameID},
		{"AnyTextComesBackAsItWas", testAnyText},
		{"ACanceledAppendStoresNothing", testCanceled},
		{"LargeBatch", testLargeBatch},
		{"ManyWritersOneOrder", testManyWriters},
		{"ResumeIsCompleteUnderEdits", testResumeUnderLoad},
		{"TheWalkTellsEveryNumber", testWalk},
		{"WalksAreEachAsOneWalk", testWalks},
		{"SinceGoesOnThroughManyChanges", testSinceGoesOn},
		{"WhatIsOddInARowIsLeftOut", testOddExtra},
		{"NothingIsToldOfADeletedRow", testDeletedRow},
		{"Pages", testPages},
		{"RepliesArePaged", testReplies},
		{"PinsAreListed", testPins},
		{"PinsArePaged", testPinPages},
		{"ARoomBeginsWithItsFirstNumber", testBeginning},
		{"NothingIsDoneWithWhatWasRemoved", testRemovedMessages},
		{"RoomsSayTheRole", testRoomOfUser},
		{"PagesOfRoomsThatAreEmptyOrMissing", testEmptyPages},
		{"PagesEndAtTheirBytes", testLimits},
		{"TheCountEndsManyShortMessages", testManyShort},
		{"AWalkGoesOnAtItsBytes", testWalkLimits},
		{"AListOfRoomsEndsAtItsBytes", testRoomLimits},
		{"Heads", testHeads},
		{"TryingToWriteChangesNothing", testTryWrite},
		{"Access", testAccess},
		{"InactiveUsersAreNobody", testInactive},
		{"DirectoryHasUsersTripsAndMembers", testDirectory},
		{"ARoleIsAsTheApplicationHasIt", testRoles},
		{"AccessSaysHowFarSomebodyHasRead", testAccessReadSeq},
		{"ARoomsIDIsNoOtherTrips", testTripWithARoomsID},
		{"RoomIsMadeOnce", testRoomMadeOnce},
		{"Rooms", testRooms},
		{"SeedTwiceChangesNothing", testSeed},
		{"TheDeploymentsIDIsMadeOnce", testDeployment},
		{"ASecretIsMadeOnce", testSecret},
		{"Model", testModel},
	}...) {
		if !wanted(test.name) {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open)
		})
	}
}
