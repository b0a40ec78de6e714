package postgres

// keysMin is how many client_ids of a batch are taken for new rather than looked up (ADR 23).
const keysMin = copyRowsMin

// keysAreUnique tells whether the index guards the table at this moment. It is asked within the transaction.
const keysAreUnique = `SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('caravan_messages_client')
	AND indrelid = 'chat_messages'::regclass AND indisunique AND indisvalid AND indisready AND indimmediate AND indnkeyatts = 3)`
