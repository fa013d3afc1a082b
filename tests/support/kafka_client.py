"""kafka_client.py - librdkafka from Python, for what tests do to a broker.

The broker's own tools start a JVM each, which costs more than most tests do themselves.  Only what
the suites need: topics, raw messages (null and empty ones too), transactions under a name of
choice, positions of groups.
"""
import ctypes as C
import time

rd = C.CDLL("librdkafka.so.1")
PRODUCER, CONSUMER = 0, 1
BEGINNING = -2
PARTITION_EOF = -191
QUEUE_FULL = -184
NO_CONSUMER_CLOSE = 8
COPY = 2
V_END, V_RKT, V_PARTITION, V_VALUE, V_FLAGS, V_TIMESTAMP = 0, 2, 3, 4, 7, 8  # of rd_kafka_producev()
ANSWER_MS = 15000
FENCED_S = 60


class KafkaError(Exception):
    pass


class Message(C.Structure):
    _fields_ = [("err", C.c_int), ("rkt", C.c_void_p), ("partition", C.c_int32), ("payload", C.c_void_p),
                ("size", C.c_size_t), ("key", C.c_void_p), ("key_size", C.c_size_t), ("offset", C.c_int64),
                ("private", C.c_void_p)]


class TopicPartition(C.Structure):
    _fields_ = [("topic", C.c_char_p), ("partition", C.c_int32), ("offset", C.c_int64),
                ("metadata", C.c_void_p), ("metadata_size", C.c_size_t), ("opaque", C.c_void_p),
                ("err", C.c_int), ("private", C.c_void_p)]


class TopicPartitions(C.Structure):
    _fields_ = [("count", C.c_int), ("size", C.c_int), ("items", C.POINTER(TopicPartition))]


class MetaPartition(C.Structure):
    _fields_ = [("id", C.c_int32), ("err", C.c_int), ("leader", C.c_int32), ("replica_count", C.c_int),
                ("replicas", C.c_void_p), ("isr_count", C.c_int), ("isrs", C.c_void_p)]


class MetaTopic(C.Structure):
    _fields_ = [("topic", C.c_char_p), ("partition_count", C.c_int), ("partitions", C.POINTER(MetaPartition)),
                ("err", C.c_int)]


class MetaBroker(C.Structure):
    _fields_ = [("id", C.c_int32), ("host", C.c_char_p), ("port", C.c_int)]


class Metadata(C.Structure):
    _fields_ = [("broker_count", C.c_int), ("brokers", C.c_void_p), ("topic_count", C.c_int),
                ("topics", C.POINTER(MetaTopic)), ("broker_id", C.c_int32), ("broker_name", C.c_char_p)]


class GroupInfo(C.Structure):
    _fields_ = [("broker", MetaBroker), ("group", C.c_char_p), ("err", C.c_int), ("state", C.c_char_p),
                ("protocol_type", C.c_char_p), ("protocol", C.c_char_p), ("members", C.c_void_p),
                ("member_count", C.c_int)]


class GroupList(C.Structure):
    _fields_ = [("groups", C.POINTER(GroupInfo)), ("count", C.c_int)]


def declare(name, result, *arguments):
    fn = getattr(rd, "rd_kafka_" + name)
    fn.restype, fn.argtypes = result, arguments
    return fn


P, S, I, Z, L = C.c_void_p, C.c_char_p, C.c_int, C.c_size_t, C.c_int64
declare("conf_new", P)
declare("conf_set", I, P, S, S, S, Z)
declare("conf_set_dr_msg_cb", None, P, P)
declare("new", P, I, P, S, Z)
declare("destroy_flags", None, P, I)
declare("err2str", S, I)
declare("poll", I, P, I)
declare("flush", I, P, I)
declare("purge", I, P, I)
declare("topic_new", P, P, S, P)
declare("topic_destroy", None, P)
declare("produce", I, P, C.c_int32, I, P, Z, P, Z, P)
rd.rd_kafka_producev.restype = I  # variadic: its arguments say their types
declare("last_error", I)
declare("metadata", I, P, I, P, C.POINTER(C.POINTER(Metadata)), I)
declare("metadata_destroy", None, P)
declare("topic_partition_list_new", C.POINTER(TopicPartitions), I)
declare("topic_partition_list_add", C.POINTER(TopicPartition), P, S, C.c_int32)
declare("topic_partition_list_destroy", None, P)
declare("assign", I, P, P)
declare("queue_get_consumer", P, P)
declare("queue_new", P, P)
declare("queue_destroy", None, P)
declare("queue_poll", P, P, I)
declare("consume_batch_queue", C.c_ssize_t, P, I, P, Z)
declare("message_destroy", None, P)
declare("message_timestamp", L, P, P)
declare("message_headers", I, P, C.POINTER(P))
declare("header_get_all", I, P, Z, C.POINTER(S), C.POINTER(P), C.POINTER(Z))
declare("event_error", I, P)
declare("event_error_string", S, P)
declare("event_destroy", None, P)
declare("topic_result_error", I, P)
declare("topic_result_error_string", S, P)
declare("NewTopic_new", P, S, I, I, S, Z)
declare("NewTopic_set_config", I, P, S, S)
declare("NewTopic_destroy", None, P)
declare("CreateTopics", None, P, P, Z, P, P)
declare("event_CreateTopics_result", P, P)
declare("CreateTopics_result_topics", C.POINTER(P), P, C.POINTER(Z))
declare("DeleteTopic_new", P, S)
declare("DeleteTopic_destroy", None, P)
declare("DeleteTopics", None, P, P, Z, P, P)
declare("event_DeleteTopics_result", P, P)
declare("DeleteTopics_result_topics", C.POINTER(P), P, C.POINTER(Z))
declare("DeleteRecords_new", P, P)
declare("DeleteRecords_destroy", None, P)
declare("DeleteRecords", None, P, P, Z, P, P)
declare("DeleteConsumerGroupOffsets_new", P, S, P)
declare("DeleteConsumerGroupOffsets_destroy", None, P)
declare("DeleteConsumerGroupOffsets", None, P, P, Z, P, P)
declare("list_groups", I, P, S, C.POINTER(C.POINTER(GroupList)), I)
declare("group_list_destroy", None, P)
declare("init_transactions", P, P, I)
declare("begin_transaction", P, P)
declare("commit_transaction", P, P, I)
declare("error_string", S, P)
declare("error_destroy", None, P)


def demand(err, doing):
    if err != 0:
        raise KafkaError("%s: %s" % (doing, rd.rd_kafka_err2str(err).decode()))


class Client:
    """One handle; with-statement only, so that none is left behind."""

    def __init__(self, kind, address, **conf):
        self.kind = kind
        text = C.create_string_buffer(512)
        handle = rd.rd_kafka_conf_new()
        conf.update(bootstrap_servers=address)
        for key, value in conf.items():
            if rd.rd_kafka_conf_set(handle, key.replace("_", ".").encode(), str(value).encode(), text, 512) != 0:
                raise KafkaError(text.value.decode())
        self.failed = []
        self.on_delivery = C.CFUNCTYPE(None, P, C.POINTER(Message), P)(self._delivered)
        if kind == PRODUCER:
            rd.rd_kafka_conf_set_dr_msg_cb(handle, self.on_delivery)
        self.rk = rd.rd_kafka_new(kind, handle, text, 512)
        if not self.rk:
            raise KafkaError(text.value.decode())

    def _delivered(self, _rk, message, _opaque):
        if message.contents.err != 0:
            self.failed.append(message.contents.err)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.kind == PRODUCER:
            rd.rd_kafka_purge(self.rk, 3)
        rd.rd_kafka_destroy_flags(self.rk, NO_CONSUMER_CLOSE)

    # ---- administration ----

    def _ask(self, doing, fn, items, result=None, topics=None):
        """Calls an admin function for items (handles) and demands success for each."""
        queue = rd.rd_kafka_queue_new(self.rk)
        array = (P * len(items))(*items)
        fn(self.rk, array, len(items), None, queue)
        event = rd.rd_kafka_queue_poll(queue, ANSWER_MS)
        rd.rd_kafka_queue_destroy(queue)
        if not event:
            raise KafkaError(doing + ": no answer")
        try:
            if rd.rd_kafka_event_error(event) != 0:
                raise KafkaError("%s: %s" % (doing, rd.rd_kafka_event_error_string(event).decode()))
            if result is not None:
                count = Z()
                got = topics(result(event), C.byref(count))
                for i in range(count.value):
                    if rd.rd_kafka_topic_result_error(got[i]) != 0:
                        raise KafkaError("%s: %s" % (doing, rd.rd_kafka_topic_result_error_string(got[i]).decode()))
        finally:
            rd.rd_kafka_event_destroy(event)

    def create_topics(self, names, partitions=1, config=()):
        text = C.create_string_buffer(512)
        items = []
        for name in names:
            item = rd.rd_kafka_NewTopic_new(name.encode(), partitions, 1, text, 512)
            if not item:
                raise KafkaError(text.value.decode())
            for entry in config:
                key, value = entry.split("=", 1)
                demand(rd.rd_kafka_NewTopic_set_config(item, key.encode(), value.encode()), entry)
            items.append(item)
        end = time.monotonic() + FENCED_S
        while True:
            try:
                self._ask("create %s" % ", ".join(names), rd.rd_kafka_CreateTopics, items,
                          rd.rd_kafka_event_CreateTopics_result, rd.rd_kafka_CreateTopics_result_topics)
                break
            except KafkaError as e:
                # A broker that got no processor for seconds has missed its heartbeats; the next one ends that.
                if "fenced" not in str(e) or time.monotonic() > end:
                    raise
                time.sleep(0.2)
        for item in items:
            rd.rd_kafka_NewTopic_destroy(item)

    def delete_topic(self, name):
        item = rd.rd_kafka_DeleteTopic_new(name.encode())
        self._ask("delete " + name, rd.rd_kafka_DeleteTopics, [item],
                  rd.rd_kafka_event_DeleteTopics_result, rd.rd_kafka_DeleteTopics_result_topics)
        rd.rd_kafka_DeleteTopic_destroy(item)

    def _list(self, places):
        found = rd.rd_kafka_topic_partition_list_new(len(places))
        for topic, partition, offset in places:
            rd.rd_kafka_topic_partition_list_add(found, topic.encode(), partition).contents.offset = offset
        return found

    def delete_records(self, topic, partition, before):
        places = self._list([(topic, partition, before)])
        item = rd.rd_kafka_DeleteRecords_new(places)
        self._ask("delete records of " + topic, rd.rd_kafka_DeleteRecords, [item])
        rd.rd_kafka_DeleteRecords_destroy(item)
        rd.rd_kafka_topic_partition_list_destroy(places)

    def delete_group_offset(self, group, topic, partition):
        places = self._list([(topic, partition, 0)])
        item = rd.rd_kafka_DeleteConsumerGroupOffsets_new(group.encode(), places)
        self._ask("delete the offset of " + group, rd.rd_kafka_DeleteConsumerGroupOffsets, [item])
        rd.rd_kafka_DeleteConsumerGroupOffsets_destroy(item)
        rd.rd_kafka_topic_partition_list_destroy(places)

    def groups(self):
        found = C.POINTER(GroupList)()
        demand(rd.rd_kafka_list_groups(self.rk, None, C.byref(found), ANSWER_MS), "list groups")
        names = [found.contents.groups[i].group.decode() for i in range(found.contents.count)]
        rd.rd_kafka_group_list_destroy(found)
        return names

    def partition_count(self, topic):
        """0: the topic does not exist."""
        handle = rd.rd_kafka_topic_new(self.rk, topic.encode(), None)
        found = C.POINTER(Metadata)()
        try:
            demand(rd.rd_kafka_metadata(self.rk, 0, handle, C.byref(found), ANSWER_MS), "ask for " + topic)
            return found.contents.topics[0].partition_count
        finally:
            if found:
                rd.rd_kafka_metadata_destroy(found)
            rd.rd_kafka_topic_destroy(handle)

    # ---- messages ----

    def _produce(self, handle, partition, payload, size, at_ms, key=None):
        """0, or the error."""
        if at_ms is not None:
            return rd.rd_kafka_producev(
                P(self.rk), I(V_RKT), P(handle), I(V_PARTITION), C.c_int32(partition), I(V_VALUE), payload, Z(size),
                I(V_FLAGS), I(COPY), I(V_TIMESTAMP), L(at_ms), I(V_END))
        text = None if key is None else C.create_string_buffer(key, max(len(key), 1))
        if rd.rd_kafka_produce(handle, partition, COPY, payload, size, text, len(key or b""), None) != 0:
            return rd.rd_kafka_last_error()
        return 0

    def send(self, topic, values, partition=0, times=None, keys=None):
        """One message each; None is a null message, or a null key.  Waits until the broker has them."""
        handle = rd.rd_kafka_topic_new(self.rk, topic.encode(), None)
        self.failed = []
        for n, value in enumerate(values):
            payload = None if value is None else C.create_string_buffer(value, max(len(value), 1))
            while True:
                err = self._produce(handle, partition, payload, len(value or b""), times[n] if times else None,
                                    keys[n] if keys else None)
                if err == 0:
                    break
                if err != QUEUE_FULL:
                    demand(err, "send to " + topic)
                rd.rd_kafka_poll(self.rk, 100)
        demand(rd.rd_kafka_flush(self.rk, 30000), "flush " + topic)
        rd.rd_kafka_topic_destroy(handle)
        if self.failed:
            demand(self.failed[0], "send to " + topic)

    def _headers(self, message):
        found, headers = P(), []
        name, value, size = S(), P(), Z()
        if rd.rd_kafka_message_headers(message, C.byref(found)) != 0:
            return headers
        while rd.rd_kafka_header_get_all(found, len(headers), C.byref(name), C.byref(value), C.byref(size)) == 0:
            headers.append((name.value.decode(), C.string_at(value.value, size.value) if value.value else None))
        return headers

    def read(self, topic, whole=False):
        """All messages up to the end: (partition, offset, timestamp, value), value None for null; whole: and
        the key, None for null, and a list of headers."""
        count = self.partition_count(topic)
        if count == 0:
            raise KafkaError("topic %s does not exist" % topic)
        places = self._list([(topic, p, BEGINNING) for p in range(count)])
        demand(rd.rd_kafka_assign(self.rk, places), "assign " + topic)
        rd.rd_kafka_topic_partition_list_destroy(places)
        queue = rd.rd_kafka_queue_get_consumer(self.rk)
        batch = (C.POINTER(Message) * 1000)()
        rows, ended, heard = [], set(), time.monotonic()
        try:
            while len(ended) < count:
                # It waits the whole time unless the batch gets full.
                got = rd.rd_kafka_consume_batch_queue(queue, 5, batch, 1000)
                if got > 0:
                    heard = time.monotonic()
                elif time.monotonic() - heard > ANSWER_MS / 1000:
                    raise KafkaError("no answer while reading " + topic)
                for i in range(got):
                    m = batch[i].contents
                    if m.err == 0:
                        row = (m.partition, m.offset, rd.rd_kafka_message_timestamp(batch[i], None),
                               C.string_at(m.payload, m.size) if m.payload else None)
                        if whole:
                            row += (C.string_at(m.key, m.key_size) if m.key else None, self._headers(batch[i]))
                        rows.append(row)
                    elif m.err == PARTITION_EOF:
                        ended.add(m.partition)
                    else:
                        demand(m.err, "read " + topic)
                    rd.rd_kafka_message_destroy(batch[i])
        finally:
            rd.rd_kafka_queue_destroy(queue)
        return rows

    # ---- transactions ----

    def _demand_error(self, error, doing):
        if error:
            text = rd.rd_kafka_error_string(error).decode()
            rd.rd_kafka_error_destroy(error)
            raise KafkaError("%s: %s" % (doing, text))

    def transact(self, topic, values):
        """A whole transaction under this client's transactional.id."""
        self._demand_error(rd.rd_kafka_init_transactions(self.rk, 20000), "init_transactions")
        self._demand_error(rd.rd_kafka_begin_transaction(self.rk), "begin")
        self.send(topic, values)
        self._demand_error(rd.rd_kafka_commit_transaction(self.rk, 20000), "commit")


def admin(address, **conf):
    return Client(PRODUCER, address, **conf)


def producer(address, **conf):
    conf.setdefault("linger_ms", 0)
    return Client(PRODUCER, address, **conf)


def consumer(address, isolation="read_committed", **conf):
    return Client(CONSUMER, address, group_id="test", isolation_level=isolation, enable_auto_commit="false",
                  enable_partition_eof="true", fetch_wait_max_ms=10, auto_offset_reset="error", **conf)
