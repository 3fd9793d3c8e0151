	#!/bin/sh
CARBON_HOME=`cd "$(dirname "$0")/.." ; pwd`
JAVA_OPTS="-Dsetup"
if [ "$jdk_17" = "not_found" ]; then
   echo " [ERROR] CARBON is supported only on JDK 1.7 and 1.8"
fi
exec "$JAVA_HOME/bin/java" -Xms256m -Xmx1024m -XX:MaxPermSize=256m $JAVA_OPTS \
    -Dcarbon.home="$CARBON_HOME" -Dwso2.server.standalone=true -Dfile.encoding=UTF8 \
    org.wso2.carbon.bootstrap.Bootstrap $*
