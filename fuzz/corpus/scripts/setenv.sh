#!/bin/bash
JAVA_HOME="/srv/example/demo/opt/jdk-11"
export JAVA_HOME
CATALINA_OPTS="-Xms1024m -Xmx1024m -Dfile.encoding=UTF-8 ${CATALINA_OPTS}"
export CATALINA_OPTS
