// A real Hubble server for tests: Cilium's own observer, ring buffer and gRPC server, whose events come from JSON
// lines (as Hubble's exporter writes them) instead of from the kernel.
//
//	server [-listen ADDRESS] [-max-flows N] [-cert FILE -key FILE [-client-ca FILE]] FLOWS.json
//
// It serves on a free port of loopback unless told otherwise, and prints "listening on ADDRESS" once everything of the file is in the ring.
// Further lines are taken from standard input while it runs, and it ends when that does.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	flowpb "github.com/cilium/cilium/api/v1/flow"
	observerpb "github.com/cilium/cilium/api/v1/observer"
	v1 "github.com/cilium/cilium/pkg/hubble/api/v1"
	"github.com/cilium/cilium/pkg/hubble/container"
	"github.com/cilium/cilium/pkg/hubble/observer"
	"github.com/cilium/cilium/pkg/hubble/observer/namespace"
	"github.com/cilium/cilium/pkg/hubble/observer/observeroption"
	"github.com/cilium/cilium/pkg/hubble/observer/types"
	"github.com/cilium/cilium/pkg/hubble/server"
	"github.com/cilium/cilium/pkg/hubble/server/serveroption"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// fromJSON takes what the exporter wrote for what the kernel told.
type fromJSON struct{}

func (fromJSON) Decode(event *types.MonitorEvent) (*v1.Event, error) {
	perf, ok := event.Payload.(*types.PerfEvent)
	if !ok {
		return nil, errors.New("no line")
	}
	if len(perf.Data) == 0 {
		// Readers of the ring do not get its last event: one that no reader is given lies behind it.
		return &v1.Event{Timestamp: timestamppb.New(event.Timestamp), Event: &flowpb.AgentEvent{}}, nil
	}
	var line observerpb.ExportEvent
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(perf.Data, &line); err != nil {
		return nil, err
	}
	if lost := line.GetLostEvents(); lost != nil {
		return &v1.Event{Timestamp: line.GetTime(), Event: lost}, nil
	}
	flow := line.GetFlow()
	if flow == nil {
		return nil, errors.New("neither a flow nor lost events")
	}
	if flow.NodeName == "" {
		flow.NodeName = line.GetNodeName()
	}
	return &v1.Event{Timestamp: flow.GetTime(), Event: flow}, nil
}

// fixedTLS is the configuration of a server whose certificates do not change.
type fixedTLS struct{ config *tls.Config }

func (f fixedTLS) IsMutualTLS() bool { return f.config.ClientCAs != nil }
func (f fixedTLS) ServerConfig(base *tls.Config) *tls.Config {
	config := f.config.Clone()
	config.MinVersion = base.MinVersion
	config.NextProtos = []string{"h2"}
	return config
}

func security(cert, key, clientCA string) (serveroption.Option, error) {
	if cert == "" {
		return serveroption.WithInsecure(), nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if clientCA != "" {
		pem, err := os.ReadFile(clientCA)
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("no certificate in " + clientCA)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return serveroption.WithServerTLS(fixedTLS{config}), nil
}

// feed gives lines to the observer, each at once when they come one by one.
func feed(lines io.Reader, oneByOne bool, events chan<- *types.MonitorEvent) error {
	scanner := bufio.NewScanner(lines)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if data := append([]byte(nil), scanner.Bytes()...); len(data) > 0 {
			give(data, events)
			if oneByOne {
				give(nil, events)
			}
		}
	}
	give(nil, events)
	return scanner.Err()
}

func give(data []byte, events chan<- *types.MonitorEvent) {
	events <- &types.MonitorEvent{Timestamp: time.Now(), Payload: &types.PerfEvent{Data: data}}
}

func run() error {
	address := flag.String("listen", "127.0.0.1:0", "where to listen")
	maxFlows := flag.Int("max-flows", 4095, "capacity of the ring, 2^n-1")
	cert := flag.String("cert", "", "certificate; without it there is no TLS")
	key := flag.String("key", "", "its key")
	clientCA := flag.String("client-ca", "", "who signs the certificates of clients")
	flag.Parse()
	capacity, err := container.NewCapacity(*maxFlows)
	if err != nil {
		return err
	}
	log := slog.New(slog.DiscardHandler)
	local, err := observer.NewLocalServer(fromJSON{}, namespace.NewManager(), log, observeroption.WithMaxFlows(capacity))
	if err != nil {
		return err
	}
	go local.Start()
	file, err := os.Open(flag.Arg(0))
	if err != nil {
		return err
	}
	defer file.Close()
	if err := feed(file, false, local.GetEventsChannel()); err != nil {
		return err
	}
	for len(local.GetEventsChannel()) > 0 {
		time.Sleep(time.Millisecond)
	}
	tlsOption, err := security(*cert, *key, *clientCA)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	withListener := func(options *serveroption.Options) error {
		options.Listener = listener
		return nil
	}
	hubble, err := server.NewServer(log, withListener, tlsOption, serveroption.WithHealthService(),
		serveroption.WithObserverService(local))
	if err != nil {
		return err
	}
	go func() {
		if err := hubble.Serve(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}()
	fmt.Println("listening on", listener.Addr())
	return feed(os.Stdin, true, local.GetEventsChannel())
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
