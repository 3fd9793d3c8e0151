A="${B:-$(echo 'x')}"
export CATALINA_OPTS="-Xmx1g $A"
if [ -n "$X" ]; then C=1; fi
case x in a) D=2;; esac
cat <<E
F=1
E
