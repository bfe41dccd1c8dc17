/* generate: seeded generator of flow-log lines with a known answer.
 *   cc -O3 -o generate generate.c
 *   generate hubble --lines 1000000 --out h.json --truth t.json
 *   generate vpc    --lines 10000000 --out v.log --truth t.json
 * hubble: the exporter's JSON lines (flow.source/destination with labels and workloads,
 *   l4 TCP/UDP, verdict, is_reply; about 1.7 kB a line). 40% of the lines are replies;
 *   an edge is (src ns, src workload, dst ns, dst workload, proto, dst port, verdict) of
 *   the others. Workloads W in 40 namespaces, 10 pods each, up to 8 peers each.
 *   5% of the flows go to the world identity (no namespace, no workload).
 * vpc: AWS VPC flow log version 2, default field order; 1% NODATA lines ("-" fields).
 *   An edge is (srcaddr, dstaddr, dstport < 32768, protocol, action) of the OK lines. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static uint64_t rs;
static inline uint64_t mix(uint64_t z){z+=0x9e3779b97f4a7c15ULL;z=(z^(z>>30))*0xbf58476d1ce4e5b9ULL;z=(z^(z>>27))*0x94d049bb133111ebULL;return z^(z>>31);}
static inline uint64_t rnd(void){rs+=0x9e3779b97f4a7c15ULL;return mix(rs);}
static const int ports[]={80,443,8080,5432,6379,9090,3306,8443,9200,27017,9092,15012};
static char*wn[4096];static int W=400;
static const char*names[]={"frontend","checkout","cart","payment","catalog","search","auth","billing","ledger","mailer"};
/* set of edges as a bitmap/hash of 64-bit keys */
static uint64_t*set;static uint64_t sc=1<<20,sn;
static void ins(uint64_t k){if(!k)k=1;if(sn*2>sc){uint64_t*o=set,oc=sc;sc*=2;set=calloc(sc,8);sn=0;for(uint64_t i=0;i<oc;i++)if(o[i])ins(o[i]);free(o);}
  uint64_t h=mix(k)&(sc-1);while(set[h]){if(set[h]==k)return;h=(h+1)&(sc-1);}set[h]=k;sn++;}
static int ep(char*b,int w,int pod,int self){
  if(w<0)return sprintf(b,"{\"identity\":2,\"labels\":[\"reserved:world\"]}");
  int ns=w%40;
  return sprintf(b,"{\"ID\":%d,\"identity\":%d,\"cluster_name\":\"default\",\"namespace\":\"team-%02d\",\"labels\":[\"k8s:app.kubernetes.io/name=%s\",\"k8s:app.kubernetes.io/part-of=shop\",\"k8s:io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name=team-%02d\",\"k8s:io.cilium.k8s.policy.cluster=default\",\"k8s:io.cilium.k8s.policy.serviceaccount=%s\",\"k8s:io.kubernetes.pod.namespace=team-%02d\"],\"pod_name\":\"%s-%08x-%05x\",\"workloads\":[{\"name\":\"%s\",\"kind\":\"Deployment\"}]}",
    self?100+pod:0,20000+w,ns,wn[w],ns,wn[w],ns,wn[w],(uint32_t)mix(w),(uint32_t)mix(w*64+pod)&0xfffff,wn[w]);
}
int main(int c,char**v){
  uint64_t L=1000000,seed=1;const char*out="-",*truth=NULL;if(c<2)return 2;int hub=!strcmp(v[1],"hubble");
  for(int i=2;i+1<c;i+=2){if(!strcmp(v[i],"--lines"))L=strtoull(v[i+1],0,10);else if(!strcmp(v[i],"--seed"))seed=strtoull(v[i+1],0,10);
    else if(!strcmp(v[i],"--out"))out=v[i+1];else if(!strcmp(v[i],"--truth"))truth=v[i+1];else if(!strcmp(v[i],"--workloads"))W=atoi(v[i+1]);else return 2;}
  if(W>4096)W=4096;
  rs=seed*77777;FILE*o=strcmp(out,"-")?fopen(out,"w"):stdout;setvbuf(o,0,_IOFBF,4<<20);set=calloc(sc,8);
  for(int w=0;w<W;w++){char t[64];sprintf(t,"%s-%s-%d",names[w%10],(w&1)?"api":"worker",w);wn[w]=strdup(t);}
  uint64_t kept=0,pk=0,by=0,bytes=0,world=0,dropped=0;static char b[8192];
  for(uint64_t i=0;i<L;i++){
    uint64_t r=rnd();int n;
    if(hub){
      int s=r%W,peer=(r>>20)%8,d=(int)(mix(s*8+peer)%W);if((r>>24)%100<5)d=-1;int sp=(r>>32)%10,dp=(r>>36)%10;
      int udp=(r>>40)%100<20,reply=(r>>47)%100<40,drop=!reply&&(mix(s*8+peer+99)%100<3);
      int port=udp?53:ports[(d<0?1:d)%12],cp=32768+(rnd()%28000);
      static char se[2048],de[2048];ep(se,s,sp,1);ep(de,d,dp,0);
      char sip[32],dip[32];sprintf(sip,"10.244.%d.%d",s%50,2+(s/50)*10+sp);if(d<0)sprintf(dip,"203.0.113.%d",(int)(r>>50&127));else sprintf(dip,"10.244.%d.%d",d%50,2+(d/50)*10+dp);
      char ts[48];uint64_t ns=i*30000;sprintf(ts,"2026-09-21T14:%02d:%02d.%09luZ",(int)(ns/60000000000ULL%60),(int)(ns/1000000000ULL%60),ns%1000000000ULL);
      char l4[256];if(udp)sprintf(l4,"{\"UDP\":{\"source_port\":%d,\"destination_port\":%d}}",reply?port:cp,reply?cp:port);
      else sprintf(l4,"{\"TCP\":{\"source_port\":%d,\"destination_port\":%d,\"flags\":{%s\"ACK\":true}}}",reply?port:cp,reply?cp:port,(r>>58&1)?"\"PSH\":true,":"");
      uint64_t u=rnd();
      n=sprintf(b,"{\"flow\":{\"time\":\"%s\",\"uuid\":\"%08x-%04x-4%03x-a%03x-%012lx\",\"verdict\":\"%s\",%s\"ethernet\":{\"source\":\"02:42:0a:f4:%02x:%02x\",\"destination\":\"02:42:0a:f4:%02x:%02x\"},\"IP\":{\"source\":\"%s\",\"destination\":\"%s\",\"ipVersion\":\"IPv4\"},\"l4\":%s,\"source\":%s,\"destination\":%s,\"Type\":\"L3_L4\",\"node_name\":\"default/node-%02d\",\"node_labels\":[\"beta.kubernetes.io/arch=amd64\",\"kubernetes.io/hostname=node-%02d\",\"kubernetes.io/os=linux\",\"topology.kubernetes.io/zone=zone-%c\"],\"event_type\":{\"type\":%d%s},\"traffic_direction\":\"%s\",%s\"trace_observation_point\":\"TO_ENDPOINT\",\"trace_reason\":\"%s\",\"is_reply\":%s,\"interface\":{\"index\":%d,\"name\":\"lxc%012lx\"},\"Summary\":\"%s\"},\"node_name\":\"default/node-%02d\",\"time\":\"%s\"}\n",
        ts,(uint32_t)u,(uint32_t)(u>>32&0xffff),(uint32_t)(u>>48&0xfff),(uint32_t)(u>>52&0xfff),u&0xffffffffffffULL,drop?"DROPPED":"FORWARDED",drop?"\"drop_reason\":133,":"",
        s%50,sp,d<0?0:d%50,dp,reply?dip:sip,reply?sip:dip,l4,reply?de:se,reply?se:de,s%50,s%50,'a'+s%3,drop?1:4,drop?"":",\"sub_type\":3",reply?"INGRESS":"EGRESS",drop?"\"drop_reason_desc\":\"POLICY_DENIED\",":"",reply?"REPLY":"ESTABLISHED",reply?"true":"false",10+s%90,mix(s)&0xffffffffffffULL,udp?"UDP":"TCP Flags: ACK",s%50,ts);
      if(!reply){kept++;dropped+=drop;world+=d<0;ins(((uint64_t)(s+1)<<40)|((uint64_t)(d+1)<<24)|(port<<2)|(udp<<1)|drop);}
    }else{
      uint64_t st=1790000000ULL+i/20000;
      if(r%100==0){n=sprintf(b,"2 123456789012 eni-%017lx - - - - - - - %lu %lu - NODATA\n",mix(r>>60),st,st+60);}
      else{int s=(r>>8)%5000,k=(r>>24)%16;uint64_t q=mix(s*16+k);int d=q%5000,port=(q>>20)%8==0?53:ports[(q>>24)%12],reply=(r>>32)%100<45,rej=(q>>40)%100<3,udp=port==53;
        int cp=32768+(rnd()%28000);uint64_t u=rnd(),p=1+u%40,y=p*(60+(u>>10)%1200);char A[32],B[32];sprintf(A,"10.0.%d.%d",s/200,1+s%200);sprintf(B,"10.0.%d.%d",d/200,1+d%200);
        n=sprintf(b,"2 123456789012 eni-%017lx %s %s %d %d %d %lu %lu %lu %lu %s OK\n",mix(s/20),reply?B:A,reply?A:B,reply?port:cp,reply?cp:port,udp?17:6,p,y,st,st+60,rej?"REJECT":"ACCEPT");
        if(!reply){kept++;pk+=p;by+=y;ins(((uint64_t)(s+1)<<44)|((uint64_t)(d+1)<<28)|(port<<4)|(udp<<1)|rej);}}
    }
    fwrite(b,1,n,o);bytes+=n;
  }
  fclose(o);FILE*t=truth?fopen(truth,"w"):stderr;
  fprintf(t,"{\"records\":%lu,\"bytes\":%lu,\"kept\":%lu,\"edges\":%lu,\"packets\":%lu,\"octets\":%lu,\"world\":%lu,\"dropped\":%lu}\n",L,bytes,kept,sn,pk,by,world,dropped);return 0;}
