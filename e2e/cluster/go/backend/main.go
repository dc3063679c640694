// Command backend answers what a gateway sends it: HTTP/1.1, HTTP/2 without TLS and gRPC on port 8080, TLS on port 8443 where
// /tls has a certificate. Each answer says which Pod gave it, and over what.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const (
	certificate = "/tls/tls.crt"
	key         = "/tls/tls.key"
	// How long it takes until nobody sends anything here any more: who is told to end is still led to, for a moment.
	linger = 2 * time.Second
	// How long requests in flight may take after that.
	patience = 10 * time.Second
)

func main() {
	ended := make(chan error)
	plain := server(":8080")
	go func() { ended <- plain.ListenAndServe() }()
	servers := []*http.Server{plain}
	if _, err := os.Stat(certificate); err == nil {
		secure := server(":8443")
		go func() { ended <- secure.ListenAndServeTLS(certificate, key) }()
		servers = append(servers, secure)
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	select {
	case err := <-ended:
		log.Fatal(err)
	case <-end:
	}
	time.Sleep(linger)
	// No new connections from here on: whoever still comes here is refused, and whoever waits to be accepted is cut.
	context, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, server := range servers {
		if err := server.Shutdown(context); err != nil {
			log.Print(err)
		}
	}
}

func server(address string) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{Addr: address, Handler: http.HandlerFunc(answer), Protocols: &protocols}
}

func answer(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		// A message of no bytes, not compressed.
		w.Write(make([]byte, 5))
		// Or the answer has a length, as none of gRPC has, and curl goes away once it has that much.
		w.(http.Flusher).Flush()
		w.Header().Set("Grpc-Status", "0")
		return
	}
	over := "cleartext"
	if r.TLS != nil {
		over = "TLS"
	}
	name, _ := os.Hostname()
	fmt.Fprintf(w, "%s over %s\n", name, over)
}
