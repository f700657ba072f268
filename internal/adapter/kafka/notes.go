package kafka

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicID is the id that a cluster gives to a topic; zero: it gives none. A topic that was
// deleted and made again has the same name and another id.
type topicID [16]byte

// replaces reports whether a topic is another one of the same name.
func (id topicID) replaces(old topicID) bool {
	return id != topicID{} && old != topicID{} && id != old
}

// place is an offset that a group has processed, with a note that is committed with it: of
// which topic it is, and when its last record was sent.
type place struct {
	kgo.EpochOffset

	topic topicID
	sent  time.Time
}

// The form of a note.
const (
	noteTopic = "topic-id="
	noteSent  = "sent="
)

// note returns the metadata of the committed offset.
func (p place) note() string {
	words := make([]string, 0, 2)
	if p.topic != (topicID{}) {
		words = append(words, noteTopic+hex.EncodeToString(p.topic[:]))
	}
	if !p.sent.IsZero() {
		words = append(words, noteSent+p.sent.UTC().Format(time.RFC3339))
	}
	return strings.Join(words, " ")
}

// readNote reads the metadata of a committed offset. What it does not understand is zero:
// programs of the version before wrote none, and other tools write their own.
func readNote(text string) (p place) {
	for word := range strings.FieldsSeq(text) {
		if value, ok := strings.CutPrefix(word, noteTopic); ok {
			if id, err := hex.DecodeString(value); err == nil && len(id) == len(p.topic) {
				p.topic = topicID(id)
			}
		}
		if value, ok := strings.CutPrefix(word, noteSent); ok {
			if sent, err := time.Parse(time.RFC3339, value); err == nil {
				p.sent = sent
			}
		}
	}
	return p
}

// addNotes writes the notes into a request that commits the places.
func addNotes(r *kmsg.OffsetCommitRequest, places map[partition]place) {
	for i := range r.Topics {
		topic := &r.Topics[i]
		for k := range topic.Partitions {
			p := &topic.Partitions[k]
			p.Metadata = kmsg.StringPtr(places[partition{topic.Topic, p.Partition}].note())
		}
	}
}
