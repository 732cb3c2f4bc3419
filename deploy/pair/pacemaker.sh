#!/bin/sh
# The pair under Pacemaker, once corosync runs on both machines (`pcs cluster setup sluice one two`); README.md tells the rest. Addresses, names and the fence
# devices are yours: `pcs stonith list` shows which there are.
set -eu
pcs property set stonith-enabled=true
pcs stonith create fence-one fence_ipmilan ip=192.0.2.101 username=fence password_script=/etc/pacemaker/fence-password pcmk_host_list=one pcmk_delay_base=5s
pcs stonith create fence-two fence_ipmilan ip=192.0.2.102 username=fence password_script=/etc/pacemaker/fence-password pcmk_host_list=two

pcs resource create sluice-drbd ocf:linbit:drbd drbd_resource=sluice op monitor interval=15s role=Promoted monitor interval=30s role=Unpromoted \
    promotable promoted-max=1 promoted-node-max=1 clone-max=2 clone-node-max=1 notify=true
pcs resource create sluice-files ocf:heartbeat:Filesystem device=/dev/drbd0 directory=/var/lib/sluice fstype=ext4 op monitor interval=20s --group sluice
pcs resource create sluice-address ocf:heartbeat:IPaddr2 ip=192.0.2.10 cidr_netmask=24 op monitor interval=10s --group sluice
pcs resource create sluice-server systemd:sluice op monitor interval=10s start timeout=60s stop timeout=60s --group sluice
pcs constraint colocation add sluice with Promoted sluice-drbd-clone INFINITY
pcs constraint order promote sluice-drbd-clone then start sluice
# Pacemaker starts it, and nobody else does: systemctl disable sluice sluice.socket
