# What the client of docs/clients.md does in the tests: it sends while the server is killed and started again, and
# ends well where nothing was lost, repeated or reordered.
import re, sys

url, trip, user = sys.argv[1:]
each = 30  # messages
told = []

def token():
    return json.load(urllib.request.urlopen(url + "/demo/token?user=" + user, timeout=10))["token"]

room = Room(url, trip, token, lambda m: told.append((m["id"], m["rev"])))
for i in range(each):
    room.send(f"python {i}")
    time.sleep(0.03)
end = time.monotonic() + 120
while True:
    with room.changed:
        all = sorted(room.messages.values(), key=lambda m: m["seq"])
        ours = [m["content"] for m in all if m["content"].startswith("python ")]
        theirs = [m["content"] for m in all if re.match(r"(user|room|poll) \d+$", m["content"])]
        if len(ours) >= each and len(theirs) >= each and not room.pending:
            break
    assert time.monotonic() < end, f"not within two minutes: {len(ours)} and {len(theirs)} messages, {len(room.pending)} on their way"
    time.sleep(0.05)
assert ours == [f"python {i}" for i in range(each)], ours
assert len(told) == len(set(told)), "something was told twice"
assert not room.failed, room.failed
