// The sample application answers every request with its version and the name of its pod.
// With the argument "pause" it only waits: the container that holds a pod's network open.
// With FAIL_READY=1 it waits too, a release that starts and never becomes ready; with CRASH_AFTER=5s it ends after
// that time, and with FLAP_EVERY=4s its /healthz changes between good and bad. Answers are counted and timed by
// version on /metrics; of them ERROR_PERCENT=5 fail, and SLOW_PERCENT=20 take a further 300 ms. With
// ERROR_WHILE=/outage/on all of them fail as long as that file exists.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
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
	version := os.Getenv("APP_VERSION")
	measured := promauto.With(prometheus.WrapRegistererWith(prometheus.Labels{"version": version}, prometheus.DefaultRegisterer))
	requests := measured.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total", Help: "Answers by status code.",
	}, []string{"code"})
	seconds := measured.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "Time from a request to its answer.", Buckets: prometheus.DefBuckets,
	}, nil)
	errorPercent, slowPercent, outage := percent("ERROR_PERCENT"), percent("SLOW_PERCENT"), os.Getenv("ERROR_WHILE")
	answer := func(w http.ResponseWriter, _ *http.Request) {
		if rand.Float64()*100 < slowPercent {
			time.Sleep(300 * time.Millisecond)
		}
		if _, err := os.Stat(outage); err == nil || rand.Float64()*100 < errorPercent {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprintf(w, "%s %s\n", version, pod)
	}
	http.Handle("/", promhttp.InstrumentHandlerCounter(requests, promhttp.InstrumentHandlerDuration(seconds, http.HandlerFunc(answer))))
	http.Handle("/metrics", promhttp.Handler())
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

// percent reads an environment variable such as 5; zero if it is not set.
func percent(name string) float64 {
	value := os.Getenv(name)
	if value == "" {
		return 0
	}
	parsed, err := strconv.ParseFloat(value, 64)
	if err != nil {
		log.Fatal(err)
	}
	return parsed
}
