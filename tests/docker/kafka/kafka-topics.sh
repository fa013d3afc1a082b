#!/bin/sh
exec java ${KAFKA_JVM_PERFORMANCE_OPTS-} -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
	-cp '/opt/kafka/libs/*' org.apache.kafka.tools.TopicCommand "$@"
