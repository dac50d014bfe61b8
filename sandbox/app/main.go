// The sample application answers every request with its version and the name of its pod.
// With the argument "pause" it only waits: the container that holds a pod's network open.
// With FAIL_READY=1 it waits too, a release that starts and never becomes ready.
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
	pod, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
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
