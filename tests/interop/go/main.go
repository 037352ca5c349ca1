// SPDX-License-Identifier: MIT

// The peer on go-libp2p; tests/interop/run says what a peer does.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

const (
	echoProtocol  protocol.ID = "/echo/1.0.0"
	lateProtocol  protocol.ID = "/late/1.0.0"
	resetProtocol protocol.ID = "/reset/1.0.0"
	perfProtocol  protocol.ID = "/perf/1.0.0"

	upload   = 8 << 20
	download = 32 << 20
)

func newHost(tlsOnly bool, listen bool) (host.Host, error) {
	options := []libp2p.Option{libp2p.Transport(tcp.NewTCPTransport), libp2p.UserAgent("go-interop/1"),
		// Its defaults let a peer have 64 streams of a protocol.
		libp2p.ResourceManager(&network.NullResourceManager{})}
	if tlsOnly {
		options = append(options, libp2p.Security(libp2ptls.ID, libp2ptls.New))
	} else {
		options = append(options, libp2p.Security(libp2ptls.ID, libp2ptls.New),
			libp2p.Security(noise.ID, noise.New))
	}
	if listen {
		options = append(options, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	} else {
		options = append(options, libp2p.NoListenAddrs)
	}
	return libp2p.New(options...)
}

func serve(h host.Host) {
	h.SetStreamHandler(echoProtocol, func(s network.Stream) {
		if _, err := io.Copy(s, s); err != nil {
			s.Reset()
			return
		}
		s.Close()
	})
	h.SetStreamHandler(lateProtocol, func(s network.Stream) {
		all, err := io.ReadAll(s)
		if err != nil {
			s.Reset()
			return
		}
		s.Write(all)
		s.Close()
	})
	h.SetStreamHandler(resetProtocol, func(s network.Stream) {
		s.Read(make([]byte, 1))
		s.Reset()
	})
	h.SetStreamHandler(perfProtocol, func(s network.Stream) {
		if err := perf(s); err != nil {
			fmt.Fprintln(os.Stderr, err)
			s.Reset()
			return
		}
		s.Close()
	})
}

// Zeros for as long as they are read.
type zeros struct{}

func (zeros) Read(data []byte) (int, error) {
	clear(data)
	return len(data), nil
}

// Its dialer says in eight bytes how much it wants, and sends until it finishes.
func perf(s network.Stream) error {
	var wanted uint64
	if err := binary.Read(s, binary.BigEndian, &wanted); err != nil {
		return err
	}
	got, err := io.Copy(io.Discard, s)
	if err != nil {
		return err
	}
	sent, err := io.CopyN(s, zeros{}, int64(wanted))
	fmt.Fprintf(os.Stderr, "perf: got %d, sent %d\n", got, sent)
	return err
}

func measure(ctx context.Context, h host.Host, id peer.ID) error {
	s, err := h.NewStream(ctx, id, perfProtocol)
	if err != nil {
		return err
	}
	if err = binary.Write(s, binary.BigEndian, uint64(download)); err != nil {
		return err
	}
	if _, err = io.CopyN(s, zeros{}, upload); err != nil {
		return err
	}
	if err = s.CloseWrite(); err != nil {
		return err
	}
	got, err := io.Copy(io.Discard, s)
	if err == nil && got != download {
		err = fmt.Errorf("%d bytes came", got)
	}
	return err
}

func random(size int) []byte {
	data := make([]byte, size)
	rand.Read(data)
	return data
}

func roundTrip(ctx context.Context, h host.Host, id peer.ID, p protocol.ID, size int) error {
	s, err := h.NewStream(ctx, id, p)
	if err != nil {
		return err
	}
	data := random(size)
	written := make(chan error, 1)
	go func() {
		_, err := s.Write(data)
		if err == nil {
			err = s.CloseWrite()
		}
		written <- err
	}()
	back, err := io.ReadAll(s)
	if err = errors.Join(err, <-written, s.Close()); err != nil {
		return err
	}
	if !bytes.Equal(data, back) {
		return fmt.Errorf("%d bytes came back as %d others", len(data), len(back))
	}
	return nil
}

func identify(h host.Host, id peer.ID, agent string, name protocol.ID) error {
	for range 100 {
		got, err := h.Peerstore().Get(id, "AgentVersion")
		protocols, _ := h.Peerstore().GetProtocols(id)
		if err == nil {
			if !strings.HasPrefix(got.(string), agent) {
				return fmt.Errorf("agent %q", got)
			}
			if !slices.Contains(protocols, name) || !slices.Contains(protocols, ping.ID) {
				return fmt.Errorf("protocols %v", protocols)
			}
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return errors.New("not identified")
}

func pings(ctx context.Context, h host.Host, id peer.ID, count int) error {
	results := ping.Ping(ctx, h, id)
	for range count {
		if result := <-results; result.Error != nil {
			return result.Error
		}
	}
	return nil
}

func many(ctx context.Context, h host.Host, id peer.ID, streams, size int) error {
	var group sync.WaitGroup
	failures := make(chan error, streams)
	for range streams {
		group.Add(1)
		go func() {
			defer group.Done()
			if err := roundTrip(ctx, h, id, echoProtocol, size); err != nil {
				failures <- err
			}
		}()
	}
	group.Wait()
	close(failures)
	return <-failures
}

func resets(ctx context.Context, h host.Host, id peer.ID) error {
	s, err := h.NewStream(ctx, id, resetProtocol)
	if err != nil {
		return err
	}
	if _, err := s.Write([]byte{1}); err != nil {
		return err
	}
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, network.ErrReset) {
		return fmt.Errorf("not reset: %v", err)
	}
	if s, err = h.NewStream(ctx, id, echoProtocol); err != nil {
		return err
	}
	s.Write([]byte{1})
	s.Reset()
	return roundTrip(ctx, h, id, echoProtocol, 1000)
}

func idle(ctx context.Context, h host.Host, id peer.ID) error {
	if err := pings(ctx, h, id, 1); err != nil {
		return err
	}
	connections := len(h.Network().ConnsToPeer(id))
	time.Sleep(30 * time.Second)
	if len(h.Network().ConnsToPeer(id)) != connections {
		return errors.New("the connection did not last")
	}
	return pings(ctx, h, id, 1)
}

func closes(ctx context.Context, h host.Host, id peer.ID) error {
	if err := pings(ctx, h, id, 1); err != nil {
		return err
	}
	fmt.Println("connected")
	for h.Network().Connectedness(id) == network.Connected {
		select {
		case <-ctx.Done():
			return errors.New("still connected")
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// Why connecting has to fail.
var refusals = map[string]string{
	"wrong-id": "peer id mismatch",
	"tls":      "protocols not supported",
}

func refused(err error, reason string) error {
	if err == nil {
		return errors.New("connected all the same")
	}
	if !strings.Contains(err.Error(), reason) {
		return err
	}
	return nil
}

func dial(arguments []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	test := arguments[1]
	h, err := newHost(test == "tls", false)
	if err != nil {
		return err
	}
	defer h.Close()
	info, err := peer.AddrInfoFromString(arguments[0])
	if err != nil {
		return err
	}
	err = h.Connect(ctx, *info)
	if reason, ok := refusals[test]; ok {
		return refused(err, reason)
	}
	if err != nil {
		return err
	}
	switch test {
	case "connect":
		return nil
	case "close":
		return closes(ctx, h, info.ID)
	case "identify":
		return identify(h, info.ID, arguments[2], protocol.ID(arguments[3]))
	case "ping":
		return pings(ctx, h, info.ID, 100)
	case "echo":
		return roundTrip(ctx, h, info.ID, echoProtocol, 64<<20)
	case "echo100":
		return many(ctx, h, info.ID, 100, 64<<20/100)
	case "half":
		return roundTrip(ctx, h, info.ID, lateProtocol, 1<<20)
	case "reset":
		return resets(ctx, h, info.ID)
	case "perf":
		return measure(ctx, h, info.ID)
	case "idle":
		return idle(ctx, h, info.ID)
	}
	return fmt.Errorf("no test %q", test)
}

func listen(tlsOnly bool) error {
	h, err := newHost(tlsOnly, true)
	if err != nil {
		return err
	}
	serve(h)
	fmt.Printf("listening %s/p2p/%s\n", h.Addrs()[0], h.ID())
	io.Copy(io.Discard, os.Stdin)
	return h.Close()
}

func main() {
	var err error
	switch {
	case len(os.Args) > 1 && os.Args[1] == "listen":
		err = listen(len(os.Args) > 2 && os.Args[2] == "--tls-only")
	case len(os.Args) > 3 && os.Args[1] == "dial":
		err = dial(os.Args[2:])
	default:
		err = errors.New("usage: peer listen [--tls-only] | peer dial ADDRESS TEST [ARGUMENT]...")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
