// SPDX-License-Identifier: MIT

// The two protocols: bytes in bulk, and small messages that come back.
package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"golang.org/x/sync/errgroup"
)

const (
	flowProtocol protocol.ID = "/bench/flow/1"
	echoProtocol protocol.ID = "/bench/echo/1"
	chunkBytes               = 65536
	messageBytes             = 32
)

func write(s network.Stream, size int64) error {
	chunk := bytes.Repeat([]byte{1}, chunkBytes)
	for left := size; left > 0; {
		part, err := s.Write(chunk[:min(left, chunkBytes)])
		if err != nil {
			return err
		}
		left -= int64(part)
	}
	return s.CloseWrite()
}

func readToEnd(s network.Stream) (size int64, err error) {
	chunk := make([]byte, chunkBytes)
	for {
		part, err := s.Read(chunk)
		size += int64(part)
		if err == io.EOF {
			return size, nil
		}
		if err != nil {
			return size, err
		}
	}
}

// The dialer says how many bytes it wants, sends as many as it likes, ends its side and gets them.
func serveFlow(s network.Stream) {
	asked := make([]byte, 8)
	_, err := io.ReadFull(s, asked)
	if err == nil {
		_, err = readToEnd(s)
	}
	if err == nil {
		err = write(s, int64(binary.BigEndian.Uint64(asked)))
	}
	if err != nil {
		s.Reset()
		return
	}
	s.Close()
}

func serveEcho(s network.Stream) {
	message := make([]byte, messageBytes)
	for {
		if _, err := io.ReadFull(s, message); err != nil {
			s.Close()
			return
		}
		if _, err := s.Write(message); err != nil {
			s.Reset()
			return
		}
	}
}

func flow(ctx context.Context, h host.Host, id peer.ID, up, down int64) error {
	s, err := h.NewStream(ctx, id, flowProtocol)
	if err != nil {
		return err
	}
	if _, err = s.Write(binary.BigEndian.AppendUint64(nil, uint64(down))); err != nil {
		return err
	}
	if err = write(s, up); err != nil {
		return err
	}
	size, err := readToEnd(s)
	if err == nil && size != down {
		err = fmt.Errorf("%d bytes instead of %d", size, down)
	}
	if err != nil {
		return err
	}
	return s.Close()
}

// Moves so many bytes over each of some streams at once.
func flows(ctx context.Context, h host.Host, id peer.ID, up, down, streams int64) (time.Duration, error) {
	begun := time.Now()
	var group errgroup.Group
	for range streams {
		group.Go(func() error { return flow(ctx, h, id, up, down) })
	}
	err := group.Wait()
	return time.Since(begun), err
}

// How long each of some round trips took, one after the other.
func trips(ctx context.Context, h host.Host, id peer.ID, count int) ([]time.Duration, error) {
	s, err := h.NewStream(ctx, id, echoProtocol)
	if err != nil {
		return nil, err
	}
	message := make([]byte, messageBytes)
	taken := make([]time.Duration, 0, count)
	for range count {
		begun := time.Now()
		if _, err = s.Write(message); err != nil {
			return nil, err
		}
		if _, err = io.ReadFull(s, message); err != nil {
			return nil, err
		}
		taken = append(taken, time.Since(begun))
	}
	return taken, s.Close()
}
