/* send IFACE SECONDS FLOWS SIZE [PACKETS_PER_SECOND]: as many UDP frames as the kernel takes.
 *
 * Frames of SIZE octets from FLOWS addresses and ports in a fixed pseudo-random order, by
 * sendmmsg on a packet socket that bypasses the queueing discipline. Prints, as JSON, the frames
 * that were taken, the time, and the CPU that it took. For an interface of a network namespace
 * that was made for this: it needs CAP_NET_RAW there and writes to nobody else. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, ETHERNET = 14, IP = 20, LONGEST = 1514, SHORTEST = 60 };

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void put16(uint8_t *at, unsigned value) {
    at[0] = value >> 8;
    at[1] = value;
}

/* What does not differ from frame to frame: 10.244.x.x to 10.245.0.0 port 80, broadcast MAC. */
static void prepare(uint8_t *frame, int size) {
    memset(frame, 0, LONGEST);
    memset(frame, 0xff, 6);
    frame[6] = 2;
    frame[11] = 1;
    put16(frame + 12, ETH_P_IP);
    uint8_t *ip = frame + ETHERNET, *udp = ip + IP;
    ip[0] = 0x45;
    put16(ip + 2, size - ETHERNET);
    ip[8] = 64;
    ip[9] = 17;
    ip[12] = 10;
    ip[13] = 244;
    ip[16] = 10;
    ip[17] = 245;
    put16(udp + 2, 80);
    put16(udp + 4, size - ETHERNET - IP);
}

static void address(uint8_t *frame, uint32_t flow) {
    uint8_t *ip = frame + ETHERNET, *udp = ip + IP;
    put16(ip + 14, flow & 0xffff);
    udp[0] = 0x80 | (flow >> 16 & 0x7f);
    udp[1] = flow * 7;
    put16(ip + 10, 0);
    uint32_t sum = 0;
    for (int i = 0; i < IP; i += 2) sum += ip[i] << 8 | ip[i + 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    put16(ip + 10, ~sum & 0xffff);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: send IFACE SECONDS FLOWS SIZE [PACKETS_PER_SECOND]\n");
        return 2;
    }
    double wanted = atof(argv[2]), rate = argc > 5 ? atof(argv[5]) : 0;
    int flows = atoi(argv[3]), size = atoi(argv[4]), one = 1;
    if (size < SHORTEST) size = SHORTEST;
    if (size > LONGEST) size = LONGEST;
    if (flows < 1) flows = 1;

    int fd = socket(AF_PACKET, SOCK_RAW, 0);
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex(argv[1])};
    if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) ||
        bind(fd, (struct sockaddr *)&to, sizeof to)) {
        perror(argv[1]);
        return 1;
    }
    static uint8_t frames[BATCH][LONGEST];
    static struct mmsghdr messages[BATCH];
    static struct iovec parts[BATCH];
    for (int i = 0; i < BATCH; i++) {
        prepare(frames[i], size);
        parts[i] = (struct iovec){frames[i], size};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }

    uint64_t sent = 0, random = 1;
    double began = seconds(CLOCK_MONOTONIC), now;
    while ((now = seconds(CLOCK_MONOTONIC)) - began < wanted) {
        if (rate > 0 && sent > (now - began) * rate) {
            nanosleep(&(struct timespec){0, 20000}, NULL);
            continue;
        }
        for (int i = 0; i < BATCH; i++) {
            random = random * 6364136223846793005ULL + 1442695040888963407ULL;
            address(frames[i], (random >> 33) % flows);
        }
        int taken = sendmmsg(fd, messages, BATCH, 0);
        if (taken > 0) sent += taken;
    }
    double took = now - began;
    printf("{\"sent\":%llu,\"seconds\":%.3f,\"rate\":%.0f,\"cpu\":%.3f}\n", (unsigned long long)sent, took,
           sent / took, seconds(CLOCK_PROCESS_CPUTIME_ID));
    return 0;
}
