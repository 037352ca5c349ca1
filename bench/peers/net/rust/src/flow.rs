// SPDX-License-Identifier: MIT

//! The two protocols: bytes in bulk, and small messages that come back.

use std::{
    io,
    time::{Duration, Instant},
};

use futures::{AsyncReadExt, AsyncWriteExt, future::try_join_all};
use libp2p::{PeerId, Stream, StreamProtocol};
use libp2p_stream::Control;

use crate::node::Outcome;

pub const FLOW: StreamProtocol = StreamProtocol::new("/bench/flow/1");
pub const ECHO: StreamProtocol = StreamProtocol::new("/bench/echo/1");

const CHUNK: usize = 65536;
const MESSAGE: usize = 32;

async fn write(stream: &mut Stream, size: u64) -> io::Result<()> {
    let chunk = [1; CHUNK];
    let mut left = size;
    while left > 0 {
        let part = left.min(CHUNK as u64);
        stream.write_all(&chunk[..part as usize]).await?;
        left -= part;
    }
    stream.close().await
}

async fn read_to_end(stream: &mut Stream) -> io::Result<u64> {
    let mut bytes = vec![0; CHUNK];
    let mut size = 0;
    loop {
        match stream.read(&mut bytes).await? {
            0 => return Ok(size),
            part => size += part as u64,
        }
    }
}

/// The dialer says how many bytes it wants, sends as many as it likes, ends its side and gets them.
pub async fn serve(mut stream: Stream) -> io::Result<()> {
    let mut asked = [0; 8];
    stream.read_exact(&mut asked).await?;
    read_to_end(&mut stream).await?;
    write(&mut stream, u64::from_be_bytes(asked)).await
}

pub async fn echo(mut stream: Stream) -> io::Result<()> {
    let mut message = [0; MESSAGE];
    loop {
        stream.read_exact(&mut message).await?;
        stream.write_all(&message).await?;
        stream.flush().await?;
    }
}

async fn one(mut control: Control, peer: PeerId, up: u64, down: u64) -> Outcome {
    let mut stream = control.open_stream(peer, FLOW).await?;
    stream.write_all(&down.to_be_bytes()).await?;
    write(&mut stream, up).await?;
    match read_to_end(&mut stream).await? {
        size if size == down => Ok(()),
        size => Err(format!("{size} bytes instead of {down}").into()),
    }
}

/// Moves so many bytes over each of some streams at once.
pub async fn many(
    control: &Control,
    peer: PeerId,
    up: u64,
    down: u64,
    streams: u64,
) -> Outcome<Duration> {
    let begun = Instant::now();
    try_join_all((0..streams).map(|_| one(control.clone(), peer, up, down))).await?;
    Ok(begun.elapsed())
}

/// How long each of some round trips took, one after the other.
pub async fn trips(control: &mut Control, peer: PeerId, count: u64) -> Outcome<Vec<Duration>> {
    let mut stream = control.open_stream(peer, ECHO).await?;
    let mut message = [1; MESSAGE];
    let mut taken = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let begun = Instant::now();
        stream.write_all(&message).await?;
        stream.flush().await?;
        stream.read_exact(&mut message).await?;
        taken.push(begun.elapsed());
    }
    stream.close().await?;
    Ok(taken)
}
