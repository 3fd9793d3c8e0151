@echo off
set CATALINA_OPTS=-Xms1024m -Xmx2g ^
 -Dfile.encoding=UTF-8 %CATALINA_OPTS%
if "%A%"=="" (
set "JAVA_HOME=C:\jdk"
)
