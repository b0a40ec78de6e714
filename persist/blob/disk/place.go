package disk

import (
	"hash/fnv"
	"path"
)

// shards is how many directories the blobs stand in: a file system slows down with
// millions of names in one.
const shards = 256

const hexDigits = "0123456789abcdef"

// shardName returns the directory of a shard.
func shardName(shard int) string {
	return blobsDir + "/" + string([]byte{hexDigits[shard>>4], hexDigits[shard&15]})
}

// shardOf returns where a key belongs: by a hash, since keys that are made one after the
// other may begin alike.
func shardOf(key string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // never fails
	sum := h.Sum32()
	return int(sum^sum>>8^sum>>16^sum>>24) % shards
}

func placeOf(key string) string { return shardName(shardOf(key)) + "/" + key }

func parent(name string) string { return path.Dir(name) }
