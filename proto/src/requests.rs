//! The requests with events, each event left as the bytes in which it arrived.
//!
//! On the wire a repeated message and a repeated `bytes` field are the same, so the `.proto` files,
//! reflection and clients in other languages are not affected. A decoded event is a slice of the
//! received request: nothing is copied, and an undecodable event does not affect the others.

use bytes::{Bytes, BytesMut};
use prost::Message;

use crate::v1::{Event, RawEvents};

/// `homeroom.v1.PublishRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct PublishRequest {
    /// One encoded [`Event`] each; see [`encoded`].
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub events: Vec<Bytes>,
    /// Their outcomes follow those of `events`.
    #[prost(message, optional, tag = "2")]
    pub raw: Option<RawEvents>,
}

/// `homeroom.v1.PublishStreamRequest`.
#[derive(Clone, PartialEq, Message)]
pub struct PublishStreamRequest {
    /// Chosen by the sender, returned in the acknowledgement.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
    /// One encoded [`Event`] each; see [`encoded`].
    #[prost(bytes = "bytes", repeated, tag = "2")]
    pub events: Vec<Bytes>,
    /// Their outcomes follow those of `events`.
    #[prost(message, optional, tag = "3")]
    pub raw: Option<RawEvents>,
}

/// Encodes events as requests hold them: slices of one buffer.
pub fn encoded(events: &[Event]) -> Vec<Bytes> {
    let bytes = events.iter().map(Message::encoded_len).sum();
    let mut buffer = BytesMut::with_capacity(bytes);
    let encode = |event: &Event| {
        event
            .encode(&mut buffer)
            .expect("a buffer that grows has room");
        buffer.split().freeze()
    };
    events.iter().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The requests as a compiler generates them from the `.proto` files.
    mod compiled {
        use crate::v1::{Event, RawEvents};

        #[derive(Clone, PartialEq, prost::Message)]
        pub struct PublishRequest {
            #[prost(message, repeated, tag = "1")]
            pub events: Vec<Event>,
            #[prost(message, optional, tag = "2")]
            pub raw: Option<RawEvents>,
        }

        #[derive(Clone, PartialEq, prost::Message)]
        pub struct PublishStreamRequest {
            #[prost(uint64, tag = "1")]
            pub sequence: u64,
            #[prost(message, repeated, tag = "2")]
            pub events: Vec<Event>,
            #[prost(message, optional, tag = "3")]
            pub raw: Option<RawEvents>,
        }
    }

    fn events() -> Vec<Event> {
        let named = |event_id: &str| Event {
            event_id: event_id.to_owned(),
            user_id: "élève".to_owned(),
            score: Some(0.5),
            ..Event::default()
        };
        vec![named("1"), Event::default(), named(&"x".repeat(300))]
    }

    fn raw() -> Option<RawEvents> {
        Some(RawEvents {
            format: 1,
            payloads: vec!["{}".into()],
            source: "lms".to_owned(),
        })
    }

    #[test]
    fn requests_are_the_same_on_the_wire() {
        let (events, raw) = (events(), raw());
        let ours = PublishRequest {
            events: encoded(&events),
            raw: raw.clone(),
        };
        let theirs = compiled::PublishRequest {
            events: events.clone(),
            raw: raw.clone(),
        };
        assert_eq!(ours.encode_to_vec(), theirs.encode_to_vec());
        assert_eq!(PublishRequest::decode(&*theirs.encode_to_vec()), Ok(ours));

        let ours = PublishStreamRequest {
            sequence: 7,
            events: encoded(&events),
            raw: raw.clone(),
        };
        let theirs = compiled::PublishStreamRequest {
            sequence: 7,
            events,
            raw,
        };
        assert_eq!(ours.encode_to_vec(), theirs.encode_to_vec());
        assert_eq!(
            PublishStreamRequest::decode(&*theirs.encode_to_vec()),
            Ok(ours)
        );
    }

    /// The hand-written requests must follow the contract.
    #[test]
    fn the_contract_has_no_other_fields() {
        let files =
            prost_types::FileDescriptorSet::decode(crate::DESCRIPTORS).expect("descriptors");
        let messages = files.file.iter().flat_map(|file| &file.message_type);
        let fields_of = |name: &str| -> Vec<(String, i32)> {
            let mut messages = messages.clone();
            let found = messages.find(|message| message.name() == name);
            let fields = found.expect("a message of the contract").field.iter();
            fields
                .map(|field| (field.name().to_owned(), field.number()))
                .collect()
        };
        let field = |name: &str, number| (name.to_owned(), number);
        assert_eq!(
            fields_of("PublishRequest"),
            [field("events", 1), field("raw", 2)]
        );
        assert_eq!(
            fields_of("PublishStreamRequest"),
            [field("sequence", 1), field("events", 2), field("raw", 3)]
        );
    }

    #[test]
    fn an_event_is_a_slice_of_its_request() {
        let request = PublishStreamRequest {
            sequence: 1,
            events: encoded(&events()),
            raw: None,
        };
        let bytes = Bytes::from(request.encode_to_vec());
        let decoded = PublishStreamRequest::decode(bytes.clone()).expect("just encoded");
        for event in decoded.events.iter().filter(|event| !event.is_empty()) {
            assert!(bytes.as_ptr_range().contains(&event.as_ptr()));
        }
    }
}
