#!/bin/bash
echo "This is an example, and there is nothing to start."
