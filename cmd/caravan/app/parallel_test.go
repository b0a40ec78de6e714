package app_test

import (
	"flag"
	"os"
	"testing"

	s3server "github.com/caravan-chat/caravan/bench/servers/s3"
)

// TestMain lets more tests run at once than there are processors: those that may run
// beside others wait for databases. The flag -parallel still says otherwise.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": s3server.AccessKey, "AWS_SECRET_ACCESS_KEY": s3server.SecretKey} { // what runs beside others cannot set them
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
