// SPDX-License-Identifier: MIT

//! A swarm in a task of its own, and what it is asked and says.

use std::{error::Error, time::Duration};

use futures::StreamExt;
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder, identify, noise,
    swarm::{
        ConnectionId, NetworkBehaviour, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
    tcp, yamux,
};
use libp2p_stream::Control;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};

use crate::{flow, served::Served};

pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const PATIENCE: Duration = Duration::from_secs(180);

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    flow: Served,
    echo: Served,
    stream: libp2p_stream::Behaviour,
}

pub enum News {
    Listening(Multiaddr),
    Connected(PeerId),
    Identified,
    Closed,
}

enum Order {
    Dial(PeerId, Multiaddr),
    Close,
}

pub struct Node {
    pub id: PeerId,
    pub control: Control,
    orders: UnboundedSender<Order>,
    news: UnboundedReceiver<News>,
}

fn new_swarm() -> Outcome<Swarm<Behaviour>> {
    let behaviour = |key: &libp2p::identity::Keypair| Behaviour {
        identify: identify::Behaviour::new(identify::Config::new("/bench/1".into(), key.public())),
        flow: Served { name: flow::FLOW, begin: |stream| drop(tokio::spawn(flow::serve(stream))) },
        echo: Served { name: flow::ECHO, begin: |stream| drop(tokio::spawn(flow::echo(stream))) },
        stream: libp2p_stream::Behaviour::new(),
    };
    let options = tcp::Config::default().nodelay(true);
    Ok(SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_tcp(options, noise::Config::new, yamux::Config::default)?
        .with_behaviour(behaviour)?
        // Idle connections are closed after 10 s otherwise.
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
        .build())
}

/// What of the swarm's events is of interest.
fn news_of(event: SwarmEvent<BehaviourEvent>) -> Option<News> {
    match event {
        SwarmEvent::NewListenAddr { address, .. } => Some(News::Listening(address)),
        SwarmEvent::ConnectionEstablished { peer_id, .. } => Some(News::Connected(peer_id)),
        SwarmEvent::ConnectionClosed { .. } => Some(News::Closed),
        SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received { .. })) => {
            Some(News::Identified)
        }
        SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error}"),
        _ => None,
    }
}

fn carry_out(swarm: &mut Swarm<Behaviour>, order: Order, open: &[ConnectionId]) {
    match order {
        Order::Dial(peer, address) => swarm
            .dial(
                DialOpts::peer_id(peer)
                    .addresses(vec![address])
                    .condition(PeerCondition::Always)
                    .build(),
            )
            .expect("a dial can be begun"),
        Order::Close => open.iter().for_each(|id| {
            swarm.close_connection(*id);
        }),
    }
}

async fn run(
    mut swarm: Swarm<Behaviour>,
    mut orders: UnboundedReceiver<Order>,
    news: UnboundedSender<News>,
) {
    let mut open: Vec<ConnectionId> = Vec::new();
    loop {
        tokio::select! {
            event = swarm.select_next_some() => {
                match &event {
                    SwarmEvent::ConnectionEstablished { connection_id, .. } =>
                        open.push(*connection_id),
                    SwarmEvent::ConnectionClosed { connection_id, .. } =>
                        open.retain(|id| id != connection_id),
                    _ => {}
                }
                if let Some(said) = news_of(event) {
                    let _ = news.send(said);
                }
            }
            order = orders.recv() => match order {
                Some(order) => carry_out(&mut swarm, order, &open),
                None => break,
            },
        }
    }
}

impl Node {
    pub fn start(listens: bool) -> Outcome<Node> {
        let mut swarm = new_swarm()?;
        if listens {
            swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        }
        let (id, control) = (*swarm.local_peer_id(), swarm.behaviour().stream.new_control());
        let (orders, ordered) = unbounded_channel();
        let (sender, news) = unbounded_channel();
        tokio::spawn(run(swarm, ordered, sender));
        Ok(Node { id, control, orders, news })
    }

    pub fn dial(&self, peer: PeerId, address: &Multiaddr) {
        let _ = self.orders.send(Order::Dial(peer, address.clone()));
    }

    /// Closes all connections.
    pub fn close(&self) {
        let _ = self.orders.send(Order::Close);
    }

    pub async fn next(&mut self) -> Outcome<News> {
        Ok(timeout(PATIENCE, self.news.recv()).await?.ok_or("the swarm has ended")?)
    }

    pub async fn connected(&mut self) -> Outcome<PeerId> {
        loop {
            if let News::Connected(peer) = self.next().await? {
                return Ok(peer);
            }
        }
    }
}
