// Package storetest holds every store to the same behaviour: the contract of
// room.Store, told as tests. A store's own tests call Run and then add only what
// is theirs: how their database fails.
package storetest

import (
	"context"
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
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open)
		})
	}
}
