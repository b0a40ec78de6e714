package main

import (
	"errors"

	"github.com/caravan-chat/caravan/cmd/caravan-bench/stage"
)

// redisFlag is --redis, which needs no value.
type redisFlag stage.Redis

// Set takes a value.
func (f *redisFlag) Set(value string) error {
	switch kind := stage.Redis(value); kind {
	case "true", "1", stage.OneRedis:
		*f = redisFlag(stage.OneRedis)
	case "false", "0":
		*f = redisFlag(stage.NoRedis)
	case stage.RedisPair, stage.RedisCluster:
		*f = redisFlag(kind)
	default:
		return errors.New("it is one, pair or cluster")
	}
	return nil
}

// String returns the value.
func (f *redisFlag) String() string { return string(*f) }

// IsBoolFlag says that it stands without a value, too.
func (f *redisFlag) IsBoolFlag() bool { return true }

// standbyFlag is --standby.
type standbyFlag stage.Standby

// Set takes a value.
func (f *standbyFlag) Set(value string) error {
	switch kind := stage.Standby(value); kind {
	case stage.NoStandby, stage.SyncStandby, stage.AsyncStandby:
		*f = standbyFlag(kind)
		return nil
	}
	return errors.New("it is sync or async")
}

// String returns the value.
func (f *standbyFlag) String() string { return string(*f) }
