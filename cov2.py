import numpy as np
from feroi.photo.pixels import cover
common=[(48,48),(64,64),(75,75),(96,96),(100,100),(112,112),(120,120),(128,128),(144,144),(150,150),(160,160),(178,218),(180,180),(200,200),(224,224),(250,250),(256,256),(284,284),(299,299),(300,300),(350,350),(384,384),(400,400),(480,480),(490,640),(500,500),(512,512),(600,600),(640,480),(640,490),(720,576),(681,1024),(1024,1024),(1280,720),(1920,1080)]
from feroi.config import network_preset
for wh in [(48,48),(64,64),(96,96),(112,112),(112,144),(128,128),(224,224),(272,272),(32,32),(40,40)]:
    st=network_preset('paper-gap',wh[::-1]).stored_hw; bad=[]
    for W,H in common:
        try: cover(np.zeros((H,W),np.uint8),st)
        except ValueError as e: bad.append((W,H))
    alls=[]
    for n in range(30,1025):
        try: cover(np.zeros((n,n),np.uint8),st)
        except ValueError: alls.append(n)
    print('--size %dx%d'%wh,'stored',st,'common sizes failing:',bad,'| square sizes 30..1024 failing:',len(alls))
