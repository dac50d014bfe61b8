// The sample application answers every request with its version and the name of its pod.
// With the argument "pause" it only waits: the container that holds a pod's network open.
// With FAIL_READY=1 it waits too, a release that starts and never becomes ready; with CRASH_AFTER=5s it ends after
// that time, and with FLAP_EVERY=4s its /healthz changes between good and bad.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ended, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if os.Getenv("FAIL_READY") == "1" || len(os.Args) > 1 && os.Args[1] == "pause" {
		<-ended.Done()
		return
	}
	if after := duration("CRASH_AFTER"); after > 0 {
		time.AfterFunc(after, func() { log.Fatal("crashed as CRASH_AFTER says") })
	}
	began, flap := time.Now(), duration("FLAP_EVERY")
	pod, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if flap > 0 && time.Since(began)/flap%2 == 1 {
			http.Error(w, "bad", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "%s %s\n", os.Getenv("APP_VERSION"), pod)
	})
	server := &http.Server{Addr: ":8080"}
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	<-ended.Done()
	// Open requests are finished; new ones have gone elsewhere already, since the release's preStop sleep comes first.
	finish, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(finish); err != nil {
		log.Print(err)
	}
}

// duration reads an environment variable such as 5s; zero if it is not set.
func duration(name string) time.Duration {
	value := os.Getenv(name)
	if value == "" {
		return 0
	}
	parsed, err := time.ParseDuration(value)
	if err != nil {
		log.Fatal(err)
	}
	return parsed
}
