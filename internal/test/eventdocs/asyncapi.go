package eventdocs

import (
	"slices"
	"strings"

	"github.com/loopers-commerce/commerce/internal/adapter/kafka"
	"github.com/loopers-commerce/commerce/internal/contract/event"
)

type object = map[string]any

// document is an AsyncAPI 3.0 document.
type document struct {
	AsyncAPI           string `json:"asyncapi"`
	Info               object `json:"info"`
	DefaultContentType string `json:"defaultContentType"`
	Servers            object `json:"servers"`
	Channels           object `json:"channels"`
	Operations         object `json:"operations"`
	Components         object `json:"components"`
}

// bindings is the version of the Kafka bindings of AsyncAPI.
const bindings = "0.5.0"

func ref(parts ...string) object { return object{"$ref": "#/" + strings.Join(parts, "/")} }

// retried and dead name the messages of the retry topics and the dead letters of a topic.
func retried(topic string) string { return topic + ".retried" }
func dead(topic string) string    { return topic + ".dead" }

// asyncAPI returns the AsyncAPI document.
func (b *builder) asyncAPI() document {
	d := document{
		AsyncAPI: "3.0.0", DefaultContentType: "application/json",
		Info: object{
			"title": "Commerce events", "version": "1.0.0",
			"description": "What has happened in the shop, as CloudEvents 1.0 in Kafka. Types and fields may be added; " +
				"what is here is never changed or removed. Consumers ignore types and fields that they do not know, " +
				"and drop a ce_id that they have handled.",
		},
		Servers: object{"kafka": object{
			"host": "{brokers}", "protocol": "kafka", "description": "The Kafka of the shop.",
			"variables": object{"brokers": object{"default": "localhost:9092", "description": "The setting KAFKA_BROKERS of the programs."}},
		}},
		Channels: object{}, Operations: object{},
		Components: object{"messages": b.messages(), "schemas": b.componentSchemas()},
	}
	for _, topic := range event.Topics() {
		d.addTopic(topic, b.typesOf(topic))
		for _, group := range event.Groups() {
			if slices.Contains(event.Reads(group), topic) {
				d.addGroup(topic, group)
			}
		}
	}
	return d
}

// addTopic adds a topic, its dead letters, and what the shop writes to both.
func (d document) addTopic(topic string, messages []string) {
	d.Channels[topic] = channel(topic, "Events in order per key. The key is "+keyWords(topic)+".", messages...)
	dlt := kafka.DeadLetterTopic(topic)
	d.Channels[dlt] = channel(dlt, "Records of "+topic+" that a group could not process. Headers say where each comes from and why.", dead(topic))
	d.operate("publish."+topic, "send", topic, "commerce-api publishes the event after the transaction in which it happened.", "")
	d.operate("bury."+topic, "send", dlt, "A consumer writes a record here that it cannot read, or has tried for the last time.", "")
}

// addGroup adds what a consumer group of the shop does with a topic.
func (d document) addGroup(topic, group string) {
	d.operate(group+".consume."+topic, "receive", topic, "The group "+group+" handles each event once.", group)
	when := "It tries each again after the delay in the name of the topic, in milliseconds."
	if event.InOrder(group) {
		when = "It tries the first one again; those behind it have its key and wait, so that they stay in order."
	}
	for _, name := range kafka.RetryTopics(group, []string{topic}) {
		d.Channels[name] = channel(name, "Records of "+topic+" that the group "+group+" could not process. "+
			when+" No other group reads this topic.", retried(topic))
		d.operate(group+".delay."+name, "send", name, "The group "+group+" sends a record here to try it again later.", "")
		d.operate(group+".retry."+name, "receive", name, "The group "+group+" tries the record again when it is due.", group)
	}
}

// channel returns a topic with its messages.
func channel(topic, description string, messages ...string) object {
	all := object{}
	for _, name := range messages {
		all[name] = ref("components", "messages", name)
	}
	return object{
		"address": topic, "description": description, "messages": all, "servers": []object{ref("servers", "kafka")},
		"bindings": object{"kafka": object{"topic": topic, "partitions": event.Partitions, "bindingVersion": bindings}},
	}
}

// operate adds something that the shop does, as a member of a group if it has a name.
func (d document) operate(name, action, channel, summary, group string) {
	o := object{"action": action, "channel": ref("channels", channel), "summary": summary}
	if group != "" {
		o["bindings"] = object{"kafka": object{
			"groupId": object{"type": "string", "enum": []string{group}}, "bindingVersion": bindings,
		}}
	}
	d.Operations[name] = o
}

// typesOf lists the types of the events of a topic.
func (b *builder) typesOf(topic string) (types []string) {
	for _, e := range b.events {
		if e.Topic() == topic {
			types = append(types, e.Type())
		}
	}
	return types
}

// keyWords says what the key of a topic is.
func keyWords(topic string) string {
	if topic == event.CatalogTopic {
		return "the id of the product"
	}
	return "the id of the order"
}

func keySchema(topic string) object {
	if topic == event.CatalogTopic {
		return object{"type": "string", "pattern": "^[1-9][0-9]*$", "description": "The id of the product, in decimal digits."}
	}
	return object{"type": "string", "format": "uuid", "description": "The id of the order."}
}

// componentSchemas returns the schemas of all events and of the headers, by name.
func (b *builder) componentSchemas() object {
	all := object{"headers": b.headers, "headers.retried": b.retryHeaders, "headers.dead": b.deadHeaders}
	for eventType, schema := range b.schemas {
		all[eventType] = schema
	}
	return all
}

// messages returns all messages by name.
func (b *builder) messages() object {
	all := object{}
	for _, e := range b.events {
		all[e.Type()] = b.message(e)
	}
	for _, topic := range event.Topics() {
		all[retried(topic)] = b.retriedMessage(topic)
		all[dead(topic)] = object{
			"name": dead(topic), "title": "A dead letter of " + topic,
			"summary":  "The key, the value and the other headers are those of the record, whatever they were. They are empty if it was too large.",
			"headers":  ref("components", "schemas", "headers.dead"),
			"payload":  object{"description": "Any bytes."},
			"bindings": object{"kafka": object{"bindingVersion": bindings}},
		}
	}
	return all
}

// message returns the message of an event.
func (b *builder) message(e event.Event) object {
	name := e.Type()
	return object{
		"name": name, "title": name, "summary": b.schemas[name].Description, "contentType": "application/json",
		"headers": object{"allOf": []object{
			ref("components", "schemas", "headers"),
			{"type": "object", "properties": object{"ce_type": object{"const": name}}},
		}},
		"payload":  ref("components", "schemas", name),
		"bindings": object{"kafka": object{"key": keySchema(e.Topic()), "bindingVersion": bindings}},
		"examples": []object{{"name": name, "payload": b.examples[name]}},
	}
}

// retriedMessage returns the message of the retry topics of a topic.
func (b *builder) retriedMessage(topic string) object {
	var payloads []object
	for _, name := range b.typesOf(topic) {
		payloads = append(payloads, ref("components", "schemas", name))
	}
	return object{
		"name": retried(topic), "title": "An event of " + topic + " that is tried again", "contentType": "application/json",
		"headers":  object{"allOf": []object{ref("components", "schemas", "headers"), ref("components", "schemas", "headers.retried")}},
		"payload":  object{"anyOf": payloads},
		"bindings": object{"kafka": object{"key": keySchema(topic), "bindingVersion": bindings}},
	}
}
