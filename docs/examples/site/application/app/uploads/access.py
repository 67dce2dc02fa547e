guests = False
