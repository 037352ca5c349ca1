// SPDX-License-Identifier: MIT

// The peer on go-libp2p; ../../net_peers.sh says what a peer is asked.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/connmgr"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/peerstore"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/protocol/identify"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

// A host keeps one connection to a peer, so as many connections at once need as many hosts.
type dialer struct {
	hosts  []host.Host
	remote peer.ID
	open   int
}

func newHost(listens bool) (host.Host, error) {
	options := []libp2p.Option{
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.DisableRelay(),
		libp2p.DisableMetrics(),
		// Their defaults would refuse or close most of 1,000 connections.
		libp2p.ResourceManager(&network.NullResourceManager{}),
		libp2p.ConnectionManager(connmgr.NullConnMgr{}),
	}
	if listens {
		options = append(options, libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	} else {
		options = append(options, libp2p.NoListenAddrs)
	}
	h, err := libp2p.New(options...)
	if err != nil {
		return nil, err
	}
	h.SetStreamHandler(flowProtocol, serveFlow)
	h.SetStreamHandler(echoProtocol, serveEcho)
	return h, nil
}

func percentile(sorted []time.Duration, percent int) int64 {
	return sorted[max((len(sorted)*percent+99)/100, 1)-1].Nanoseconds()
}

func say(taken time.Duration, each ...time.Duration) {
	slices.Sort(each)
	fmt.Printf("{\"ns\":%d,\"p50\":%d,\"p99\":%d}\n", taken.Nanoseconds(),
		percentile(each, 50), percentile(each, 99))
}

func (d *dialer) makeHosts(count int) error {
	for len(d.hosts) < count {
		h, err := newHost(false)
		if err != nil {
			return err
		}
		d.hosts = append(d.hosts, h)
	}
	return nil
}

// So many connections, one from each host, width under way at a time.
func (d *dialer) connect(ctx context.Context, address string, count, width int) error {
	info, err := peer.AddrInfoFromString(address)
	if err != nil {
		return err
	}
	if count > len(d.hosts) {
		return errors.New("a connection needs a host of its own")
	}
	for _, h := range d.hosts[:count] {
		h.Peerstore().AddAddrs(info.ID, info.Addrs, peerstore.PermanentAddrTTL)
	}
	each, slots := make([]time.Duration, count), make(chan error, width)
	begun := time.Now()
	for index := range count {
		if index >= width {
			err = errors.Join(err, <-slots)
		}
		go func() {
			started := time.Now()
			_, err := d.hosts[index].Network().DialPeer(ctx, info.ID)
			each[index] = time.Since(started)
			slots <- err
		}()
	}
	for range min(count, width) {
		err = errors.Join(err, <-slots)
	}
	taken := time.Since(begun)
	if err != nil {
		return err
	}
	d.remote, d.open = info.ID, count
	say(taken, each...)
	return nil
}

func (d *dialer) close() error {
	for _, h := range d.hosts[:d.open] {
		if err := h.Network().ClosePeer(d.remote); err != nil {
			return err
		}
	}
	d.open = 0
	say(0, 0)
	return nil
}

// Whether just so many are connected and have said who they are.
func settled(h host.Host, count int) bool {
	connections := h.Network().Conns()
	if len(connections) != count {
		return false
	}
	ids := h.(interface{ IDService() identify.IDService }).IDService()
	for _, connection := range connections {
		select {
		case <-ids.IdentifyWait(connection):
		default:
			return false
		}
	}
	return true
}

func wait(ctx context.Context, h host.Host, count int) error {
	for !settled(h, count) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d connections instead of %d", len(h.Network().Conns()), count)
		case <-time.After(5 * time.Millisecond):
		}
	}
	say(0, 0)
	return nil
}

func (d *dialer) obey(ctx context.Context, line string) error {
	words := strings.Split(line, " ")
	var numbers []int64
	for _, word := range words[1:] {
		if number, err := strconv.ParseInt(word, 10, 64); err == nil {
			numbers = append(numbers, number)
		}
	}
	h := d.hosts[0]
	switch {
	case words[0] == "await" && len(numbers) == 1:
		return wait(ctx, h, int(numbers[0]))
	case words[0] == "trim": // Gives back to the system what is garbage.
		debug.FreeOSMemory()
		say(0, 0)
		return nil
	case words[0] == "nodes" && len(numbers) == 1:
		err := d.makeHosts(int(numbers[0]))
		say(0, 0)
		return err
	case words[0] == "connect" && len(numbers) == 2:
		return d.connect(ctx, words[1], int(numbers[0]), int(numbers[1]))
	case words[0] == "close":
		return d.close()
	case words[0] == "up" && len(numbers) == 2:
		return d.flow(ctx, numbers[0]/numbers[1], 0, numbers[1])
	case words[0] == "down" && len(numbers) == 2:
		return d.flow(ctx, 0, numbers[0]/numbers[1], numbers[1])
	case words[0] == "trips" && len(numbers) == 1:
		each, err := trips(ctx, h, d.remote, int(numbers[0]))
		if err == nil {
			say(0, each...)
		}
		return err
	}
	return fmt.Errorf("not understood: %s", line)
}

func (d *dialer) flow(ctx context.Context, up, down, streams int64) error {
	taken, err := flows(ctx, d.hosts[0], d.remote, up, down, streams)
	if err == nil {
		say(taken, taken)
	}
	return err
}

func serve(listens bool) error {
	h, err := newHost(listens)
	if err != nil {
		return err
	}
	if listens {
		fmt.Printf("{\"address\":\"%s/p2p/%s\"}\n", h.Addrs()[0], h.ID())
	} else {
		fmt.Println("{\"ready\":true}")
	}
	d := dialer{hosts: []host.Host{h}}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		err := d.obey(ctx, lines.Text())
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}

func main() {
	err := errors.New("usage: peer listen | peer dial")
	if len(os.Args) == 2 && (os.Args[1] == "listen" || os.Args[1] == "dial") {
		err = serve(os.Args[1] == "listen")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
